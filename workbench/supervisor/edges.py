"""Opens all edges of the fault plane, from the mildest way to the surest, and shows that they are open.

Every call has a deadline: first the faults are removed; where that does not help, the proxies are taken away, with
what was on them, and made again; where that does not help, the plane is replaced by one without any fault.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from workbench.calls import NoAnswer, call_json

_REMOVE_S = 2.0
_REMAKE_S = 0.5


class Edges:
    """The listeners of one stack. `replace` ends the plane and waits for the next one; False: none came."""

    def __init__(self, url: str, token: str, proxies: list[dict[str, Any]], replace: Callable[[], bool]) -> None:
        self._url = url
        self._token = token
        self._proxies = proxies
        self._replace = replace

    def make(self) -> None:
        """Make a listener for each edge; those that are there stay as they are. Raises NoAnswer."""
        call_json("POST", f"{self._url}/populate", body=self._proxies, deadline_s=5.0)

    def open_all(self) -> str | None:
        """Have no fault on any edge; return why that cannot be shown, or None."""
        if self._are_open_after(self._remove_faults) or self._are_open_after(self._remake):
            return None
        if not self._replace():
            return "the fault plane did not answer, was ended, and no other one came up"
        return None if self._are_open_after(lambda: None) else "the fault plane was replaced and does not answer"

    def _are_open_after(self, step: Callable[[], None]) -> bool:
        try:
            step()
            answer = call_json("GET", f"{self._url}/faults", token=self._token, deadline_s=_REMOVE_S)
        except NoAnswer:
            return False
        return not answer.get("faults")

    def _remove_faults(self) -> None:
        call_json("DELETE", f"{self._url}/faults", token=self._token, deadline_s=_REMOVE_S)

    def _remake(self) -> None:
        for proxy in self._proxies:
            url = f"{self._url}/proxies/{quote(proxy['name'], safe=':')}"
            call_json("DELETE", url, token=self._token, deadline_s=_REMAKE_S)
        self.make()
