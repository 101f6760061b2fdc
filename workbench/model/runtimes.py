"""Where a system runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RuntimeName(StrEnum):
    """By the name that `--runtime` knows."""

    NATIVE = "native"
    DOCKER = "docker"


class Profile(StrEnum):
    """How much of a compose file is started."""

    CORE = "core"
    """The system as it runs natively, in containers."""
    FULL = "full"
    """With the real servers and tools that the compose file has beside it."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a stack is to run, and how much of it. Natively there is one profile only."""

    runtime: RuntimeName = RuntimeName.NATIVE
    profile: Profile = Profile.CORE


NATIVE = Placement()
