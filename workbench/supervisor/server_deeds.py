"""What can be done to a real server by the Toxiproxy in front of it, and be undone again.

The order names the toxics, and whether the proxy is closed; a closed one bears a toxic that does nothing, which says
for whom it is closed. No kind of fault is known here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from workbench.calls import NoAnswer
from workbench.supervisor.deeds import Deed, NotDone
from workbench.supervisor.planes import MARK, Plane
from workbench.supervisor.wire import Evidence

_LOOK_S = 1.0
"""So often it is looked whether somebody else has taken it off."""


class OnTheWire(Deed):
    """Toxics on one proxy. `open_all` opens all proxies of its Toxiproxy somehow, or says why not.

    `opening` is held from when nobody is seen to keep a proxy closed until it is open, so that who comes to close it
    in between is not overruled.
    """

    alone = False

    def __init__(
        self,
        plane: Plane,
        proxy: str,
        action: dict[str, Any],
        open_all: Callable[[], str | None],
        opening: threading.Lock,
    ) -> None:
        self._plane = plane
        self._proxy = proxy
        self._toxics: list[dict[str, Any]] = list(action["toxics"])
        self._closed = bool(action["closed"])
        self._names = {str(toxic["name"]) for toxic in self._toxics}
        self._open_all = open_all
        self._opening = opening
        self._look_at_s = 0.0

    def do(self, lease_s: float) -> Evidence:  # noqa: ARG002 - Toxiproxy knows no leases
        try:
            with self._opening if self._closed else nullcontext():
                for toxic in self._toxics:
                    self._plane.add_toxic(self._proxy, toxic)
            if self._closed:
                self._plane.enable(self._proxy, on=False)
            on = self._is_on()
        except NoAnswer as error:
            raise NotDone(f"{self._plane.name} did not do as it was told in front of {self._proxy}: {error}") from error
        if not on:
            raise NotDone(f"{self._plane.name} was told to disturb {self._proxy} and does not")
        self._look_at_s = time.monotonic() + _LOOK_S
        kinds = sorted({str(toxic["type"]) for toxic in self._toxics})
        return {"by": self._plane.name, "state": "closed" if self._closed else ", ".join(kinds)}

    def undo(self) -> Evidence:
        try:
            self._take_off()
            left = self._left()
        except NoAnswer as error:
            problem = self._open_all()
            if problem is not None:
                raise NotDone(f"{self._proxy} may still be disturbed: {error}; {problem}") from error
            return {"by": self._plane.name, "state": f"{self._plane.name} was emptied: {error}"}
        if left:
            raise NotDone(f"{self._plane.name} still has {', '.join(sorted(left))} in front of {self._proxy}")
        return {"by": self._plane.name, "state": "open"}

    def over(self) -> bool:
        """Tell whether Toxiproxy was replaced, or somebody has taken off a part of it."""
        if time.monotonic() < self._look_at_s:
            return False
        self._look_at_s = time.monotonic() + _LOOK_S
        try:
            return not self._is_on()
        except NoAnswer:
            return False  # not known

    def _is_on(self) -> bool:
        proxy = self._plane.proxy(self._proxy)
        on = {toxic["name"] for toxic in proxy["toxics"]}
        return self._names <= on and not (self._closed and proxy["enabled"])

    def _take_off(self) -> None:
        """Remove what is ours; open the proxy unless somebody else keeps it closed. Raises NoAnswer."""
        for name in self._names:
            self._plane.remove_toxic(self._proxy, name)
        with self._opening:
            proxy = self._plane.proxy(self._proxy)
            if not proxy["enabled"] and all(toxic["type"] != MARK for toxic in proxy["toxics"]):
                self._plane.enable(self._proxy, on=True)

    def _left(self) -> set[str]:
        return self._names & {str(toxic["name"]) for toxic in self._plane.proxy(self._proxy)["toxics"]}
