"""What the supervisor says to a fault plane: ours has faults to be removed, Toxiproxy has toxics and proxies."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from workbench.calls import Refused, call, call_json

TOXIPROXY = "toxiproxy"
"""Name of the process where it is the real Toxiproxy, on edges or in front of servers."""

MARK = "noop"
"""Type of the toxic that only says that its proxy is closed on purpose."""

_TOXIC_S = 5.0
"""Removing a toxic under readers that have stalled can take 25 s."""
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

    # -- of Toxiproxy only ----------------------------------------------------------------------------

    def proxy(self, name: str) -> dict[str, Any]:
        """Return a proxy as it is, with its `toxics` and whether it is `enabled`."""
        found: dict[str, Any] = call_json("GET", self._at(name), deadline_s=_REMOVE_S)
        return found

    def add_toxic(self, proxy: str, toxic: dict[str, Any]) -> None:
        """Put a toxic on."""
        call_json("POST", f"{self._at(proxy)}/toxics", body=toxic, deadline_s=_TOXIC_S)

    def remove_toxic(self, proxy: str, toxic: str) -> None:
        """Take a toxic off; nothing if it is not on."""
        try:
            call("DELETE", f"{self._at(proxy)}/toxics/{quote(toxic, safe='')}", deadline_s=_TOXIC_S)
        except Refused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise

    def enable(self, proxy: str, *, on: bool) -> None:
        """Open or close a proxy; closing cuts its connections."""
        call_json("POST", self._at(proxy), body={"enabled": on}, deadline_s=_TOXIC_S)

    def _at(self, proxy: str) -> str:
        return f"{self.url}/proxies/{quote(proxy, safe=':')}"
