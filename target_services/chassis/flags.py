"""Feature flags: what can be switched while a service runs, and what holds where nobody has switched anything.

    if flags.is_on(Flag.HEDGED_READS): ...

Services ask through the OpenFeature SDK, so that another provider could take the place of the file. A flag is asked
at each decision and never kept: that is what makes it a switch.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from openfeature import api

from target_services.chassis.flags_file import FileProvider


class Flag(StrEnum):
    """Name of a flag, as in the file."""

    HEDGED_READS = "hedged-reads"
    STALE_FALLBACK = "stale-fallback"
    NEW_CHECKOUT_FLOW = "new-checkout-flow"


DEFAULTS: dict[Flag, bool] = {
    Flag.HEDGED_READS: True,
    Flag.STALE_FALLBACK: True,
    Flag.NEW_CHECKOUT_FLOW: False,
}

MEANINGS: dict[Flag, str] = {
    Flag.HEDGED_READS: "catalog asks inventory a second time when a stock badge takes longer than most do",
    Flag.STALE_FALLBACK: "the gateway shows the last good page or product while catalog cannot be had",
    Flag.NEW_CHECKOUT_FLOW: "orders answers 202 at once and finishes each order in its worker",
}


class Flags:
    """The flags of one service."""

    def __init__(self, service: str, file: Path | None) -> None:
        """`file`: where they are switched, looked at again while the service runs. None: the defaults hold."""
        api.set_provider(FileProvider(file, frozenset(Flag)), domain=service)
        self._client = api.get_client(domain=service)

    def is_on(self, flag: Flag) -> bool:
        """Tell whether a flag is on right now. Costs some 15 us and never fails."""
        return self._client.get_boolean_value(flag.value, DEFAULTS[flag])
