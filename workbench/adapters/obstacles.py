"""What this machine does not let a stack do, and why. Asked before anything starts."""

from __future__ import annotations

import sys

from workbench.faultproxy.packets import obstacle
from workbench.model.faults.base import Ability
from workbench.model.runtimes import RuntimeName


def obstacles(runtime: RuntimeName) -> dict[Ability, str]:
    """Return what cannot be done where the system is to run, each with what keeps it from being done."""
    found = {}
    if sys.platform != "linux":
        found[Ability.MEMORY] = "only Linux can limit the memory of a running process"
        found[Ability.PACKETS] = "only Linux has nftables"
    elif runtime is RuntimeName.DOCKER:
        found[Ability.PACKETS] = "the fault plane's container has no CAP_NET_ADMIN; --runtime native"
    elif (reason := obstacle()) is not None:
        found[Ability.PACKETS] = reason
    return found
