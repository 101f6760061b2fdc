"""Opens all edges of the fault plane, from the mildest way to the surest, and shows that they are open.

Every call has a deadline: first the faults are removed; where that does not help, the proxies are taken away, with
what was on them, and made again; where that does not help, the plane is replaced by one without any fault.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.calls import NoAnswer
from workbench.supervisor.planes import Plane


class Edges:
    """The listeners of one stack. `replace` ends the plane and waits for the next one; False: none came."""

    def __init__(self, plane: Plane, proxies: list[dict[str, Any]], replace: Callable[[], bool]) -> None:
        self._plane = plane
        self._proxies = proxies
        self._replace = replace

    def make(self) -> None:
        """Make a listener for each edge; those that are there stay as they are. Raises NoAnswer."""
        self._plane.make(self._proxies)

    def open_all(self) -> str | None:
        """Have no fault on any edge; return why that cannot be shown, or None."""
        if self._are_open_after(self._plane.remove_faults) or self._are_open_after(self._remake):
            return None
        if not self._replace():
            return "the fault plane did not answer, was ended, and no other one came up"
        return None if self._are_open_after(lambda: None) else "the fault plane was replaced and does not answer"

    def _are_open_after(self, step: Callable[[], None]) -> bool:
        try:
            step()
            return not self._plane.has_faults()
        except NoAnswer:
            return False

    def _remake(self) -> None:
        for proxy in self._proxies:
            self._plane.drop(proxy["name"])
        self.make()
