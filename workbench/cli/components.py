"""Commands about programs that are not ours: components list, install, path."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.adapters.components import finding
from workbench.adapters.components.installing import install as install_release
from workbench.adapters.components.releases import releases, this_platform
from workbench.cli.options import Json
from workbench.cli.rendering import as_json
from workbench.cli.streams import progress, say
from workbench.errors import EnvironmentFailure
from workbench.model.tools import Tool

Name = Annotated[Tool, typer.Argument(metavar="NAME", help="prometheus, jaeger, toxiproxy or grafana")]


def list_(*, json: Json = False) -> None:
    """List the real tools that can stand beside a stack: which release is meant, and which one is here.

    [bold]Example:[/]  workbench components list
    """
    rows = []
    for tool, release in releases().items():
        found = finding.find(tool)
        artefact = release.artefacts.get(this_platform())
        rows.append(
            {
                "name": str(tool),
                "wanted": release.version,
                "found": None if found is None else finding.version(tool, found.path) or "does not run",
                "path": None if found is None else str(found.path),
                "source": None if found is None else found.source,
                "setting": release.setting,
                "installable": artefact is not None and artefact.sha256 is not None and artefact.size is not None,
            }
        )
    if json:
        as_json(rows)
        return
    for row in rows:
        if row["found"]:
            say(f"{row['name']:<12} {row['found']} at {row['path']} (from {row['source']})")
        else:
            say(f"{row['name']:<12} not here; {row['wanted']} is meant", "dim")
            say(f"             {finding.how_to_get(Tool(str(row['name'])))}", "dim")


def install(name: Name) -> None:
    """Fetch the official release of a tool into the cache, if its SHA-256 is pinned. Nothing else fetches.

    [bold]Example:[/]  workbench components install prometheus
    """
    folder = install_release(releases()[name], finding.cache_folder(), progress)
    say(f"{name} {releases()[name].version} is in {folder}")


def path(name: Name) -> None:
    """Print the path of the program that would be started.

    [bold]Example:[/]  workbench components path jaeger
    """
    found = finding.find(name)
    if found is None:
        raise EnvironmentFailure(f"{name} is not on this machine", hint=finding.how_to_get(name))
    say(str(found.path))
