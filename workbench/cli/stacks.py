"""Commands about what runs: up, down, status, logs, stop, heal."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from workbench.cli.options import (
    Bug,
    FaultPlane,
    Json,
    PortBase,
    ProfileOption,
    Runtime,
    With,
    Without,
    placed,
    tools_and_plane,
)
from workbench.cli.rendering import as_json
from workbench.cli.streams import out, progress, say
from workbench.errors import UsageError
from workbench.loading.scenario_files import load_system
from workbench.loading.source import nearest
from workbench.model.planes import PlaneName
from workbench.model.runtimes import RuntimeName
from workbench.wiring import local_stack

_FOLLOW_S = 0.2
_STOP_WITHIN_S = 60.0


def up(
    *,
    system: Annotated[str, typer.Option("--system", help="A system: a name, or the path of a system.yaml")] = "shop",
    port_base: PortBase = None,
    bug: Bug = None,
    fault_plane: FaultPlane = PlaneName.BUILTIN,
    with_: With = None,
    runtime: Runtime = RuntimeName.NATIVE,
    profile: ProfileOption = None,
    without: Without = None,
) -> None:
    """Start a system and leave it running, to explore it or to run several scenarios on it.

    [bold]Example:[/]  workbench up
    [bold]Example:[/]  workbench up --system my/system.yaml --port-base 20000
    [bold]Example:[/]  workbench up --with prometheus,jaeger
    [bold]Example:[/]  workbench up --runtime docker
    """
    tools, plane = tools_and_plane(with_, fault_plane)
    placement, tools = placed(runtime, profile, tools, without)
    stack, fresh = local_stack().up(
        system,
        port_base=port_base,
        bugs=bug or [],
        plane=plane,
        tools=tools,
        placement=placement,
        progress=progress,
    )
    say(f"{stack.system} is up" + (f" after {stack.ready_after_s:.1f} s" if fresh else " already"), "bold")
    table = Table.grid(padding=(0, 2))
    for name, url in stack.services.items():
        table.add_row(f"  {name}", url)
    for name, edge in stack.edges.items():
        listener = f"http://{edge.listener}" if edge.protocol == "http" else edge.listener
        table.add_row(f"  {name}", listener, f"-> {edge.upstream}")
    for tool, url in stack.tools.items():
        table.add_row(f"  {tool}", url)
    # The address of the page is its key: for a terminal, and no log.
    table.add_row("  live page", local_stack().live_page() if out.is_terminal else "workbench open live")
    out.print(table)
    say("next: workbench list, workbench status, workbench down", "dim")


def build(
    *,
    system: Annotated[str, typer.Option("--system", help="A system: a name, or the path of a system.yaml")] = "shop",
    pin: Annotated[bool, typer.Option("--pin", help="Pin the other images by the digests that they have here")] = False,
) -> None:
    """Build the images that --runtime docker starts. What has not changed since the last time is not built again.

    [bold]Example:[/]  workbench build
    """
    from workbench.adapters.docker import images  # noqa: PLC0415 - no other command needs it

    loaded = load_system(system, Path.cwd())
    if pin:
        for image in images.pin(loaded):
            say(f"{image} has no digest here, and is not pinned")
        return
    for image in images.build(loaded):
        say(f"{image} is built")


def down() -> None:
    """End the stack that runs from this folder, and everything it started.

    [bold]Example:[/]  workbench down
    """
    stack = local_stack().down()
    say("nothing is up" if stack is None else f"{stack.system} is down")


def status(*, json: Json = False) -> None:
    """Show what runs: services, faults that are on, a run that is going on.

    [bold]Example:[/]  workbench status
    """
    found = local_stack().status()
    if json:
        as_json(found)
        return
    if found["stack"] is None:
        say("nothing is up (workbench up starts the shop)")
    else:
        say(f"{found['stack']['system']} is up, stack {found['stack']['stack_id']}", "bold")
        addresses = found["stack"]["services"] | found["stack"]["tools"]
        table = Table.grid(padding=(0, 2))
        for name, process in found["processes"].items():
            ended = Text(process["ended"] or "not running", style="bold red")
            state = Text(f"pid {process['pid']}") if process["pid"] else ended
            table.add_row(f"  {name}", state, addresses.get(name, ""))
        out.print(table)
        for fault in found["faults"]:
            say(f"  fault ON: {fault}", "bold magenta")
        if found["bugs"]:
            say(f"  bugs planted: {', '.join(found['bugs'])}", "yellow")
    if found["busy"]:
        say(f"busy: {found['busy']}")
    for entry in found["ledger"]:
        say(f"  the ledger still has: {entry} (workbench heal)", "red")


def logs(
    service: Annotated[str | None, typer.Argument(metavar="[SERVICE]", help="Default: all of them")] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing what is added")] = False,
) -> None:
    """Print what services have logged.

    [bold]Example:[/]  workbench logs orders -f
    """
    folder = local_stack().state.logs
    files = {path.stem: path for path in sorted(folder.glob("*.log"))}
    if service is not None and service not in files:
        raise UsageError(f"there is no log of {service!r}{nearest(service, list(files))}")
    chosen = files if service is None else {service: files[service]}
    if not chosen:
        say("there are no logs (nothing was started from this folder)")
        return
    _print_logs(chosen, follow=follow)


def _print_logs(files: dict[str, Path], *, follow: bool) -> None:
    offsets = dict.fromkeys(files, 0)
    while True:
        for name, path in files.items():
            with suppress(FileNotFoundError), path.open("rb") as log:  # gone while the stack is started again
                if os.fstat(log.fileno()).st_size < offsets[name]:  # it has begun anew
                    offsets[name] = 0
                log.seek(offsets[name])
                for line in log:
                    prefix = f"{name:>12} | " if len(files) > 1 else ""
                    say(prefix + line.decode(errors="replace").rstrip("\n"))
                offsets[name] = log.tell()
        if not follow:
            return
        time.sleep(_FOLLOW_S)


def stop() -> None:
    """End the run that is going on in this folder: faults undone, everything saved, exit 143.

    [bold]Example:[/]  workbench stop
    """
    pid = local_stack().stop(within_s=_STOP_WITHIN_S)
    say("no run is going on" if pid is None else f"the run (pid {pid}) has ended")


def heal() -> None:
    """Undo every fault that may still be on, and say what was found and done. Safe to repeat.

    [bold]Example:[/]  workbench heal
    """
    for line in local_stack().heal():
        say(line)
