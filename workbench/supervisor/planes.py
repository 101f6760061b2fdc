"""What the supervisor says to a fault plane: ours has faults to be removed, Toxiproxy has toxics and proxies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from workbench.calls import call, call_json

TOXIPROXY = "toxiproxy"
"""Name of the process where the real Toxiproxy serves the edges."""

_REMOVE_S = 2.0
_REMAKE_S = 0.5


@dataclass(frozen=True, slots=True)
class Plane:
    """One fault plane, by the name of its process. Every call has a deadline and raises NoAnswer."""

    name: str
    url: str
    token: str

    def make(self, proxies: list[dict[str, Any]]) -> None:
        """Make a listener for each edge; those that are there stay as they are."""
        call_json("POST", f"{self.url}/populate", body=proxies, deadline_s=5.0)

    def drop(self, proxy: str) -> None:
        """Take a listener away, with what is on it."""
        call("DELETE", f"{self.url}/proxies/{quote(proxy, safe=':')}", token=self.token, deadline_s=_REMAKE_S)

    def remove_faults(self) -> None:
        """Take every fault off."""
        if self.name == TOXIPROXY:
            call("POST", f"{self.url}/reset", deadline_s=_REMOVE_S)
        else:
            call_json("DELETE", f"{self.url}/faults", token=self.token, deadline_s=_REMOVE_S)

    def has_faults(self) -> bool:
        """Tell whether one is on."""
        if self.name == TOXIPROXY:
            proxies = call_json("GET", f"{self.url}/proxies", deadline_s=_REMOVE_S)
            return any(proxy["toxics"] or not proxy["enabled"] for proxy in proxies.values())
        return bool(call_json("GET", f"{self.url}/faults", token=self.token, deadline_s=_REMOVE_S).get("faults"))
