"""The table of releases, read: releases.toml beside this file."""

from __future__ import annotations

import platform
import tomllib
from functools import cache
from pathlib import Path, PurePath

from pydantic import Field

from workbench.model.base import Frozen
from workbench.model.tools import Tool

_FILE = Path(__file__).with_name("releases.toml")
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class Artefact(Frozen):
    """What is fetched for one platform. Without `sha256` it is not fetched; `size` (bytes) is compared, too."""

    url: str
    size: int | None = Field(default=None, gt=0)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class Release(Frozen):
    """One program and the version of it that is meant."""

    name: Tool
    version: str
    program: str = Field(description="name of the file that is run")
    folder: str = Field(default="", description="where it lies in the release: empty for its top folder")
    setting: str = Field(description="environment variable with the path of the program")
    version_flag: str
    home: str = Field(description="page of the publisher, for people")
    checksums: str = Field(description="where the publisher lists SHA-256 sums")
    artefacts: dict[str, Artefact] = Field(default_factory=dict, description="by platform, such as linux-amd64")

    @property
    def file(self) -> PurePath:
        """Where the program is, from the folder that the release is put into."""
        return PurePath(self.folder, self.program)


@cache
def releases() -> dict[Tool, Release]:
    """Return all releases by name."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {Tool(name): Release.model_validate({"name": name, **fields}) for name, fields in table.items()}


def this_platform() -> str:
    """Return the platform of this machine in the words of the table, such as `linux-amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{_ARCHITECTURES.get(machine, machine)}"
