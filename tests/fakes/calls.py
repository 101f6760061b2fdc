"""Every call on any port, in order, and a seam to have one of them struck by a signal or a failure."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from workbench.adapters.signals import SignalTrap

Moment = Literal["before", "after"]
"""Of a call: before it had any effect, or after its effect and before its caller knows."""

Strike = Callable[[int, str, Moment], None]
"""Gets the number of a call, its name and the moment; raises what is to happen there."""


class Calls:
    """The calls made so far. `strike` is asked twice for each."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.strike: Strike = lambda *_: None

    @contextmanager
    def passing(self, name: str) -> Iterator[None]:
        number = len(self.made)
        self.made.append(name)
        self.strike(number, name, "before")
        yield
        self.strike(number, name, "after")


class FakeInterruption(SignalTrap):
    """The trap itself, to which no system sends signals: one comes at one call, or at one call and all later ones."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls

    def shield(self) -> None:
        with self._calls.passing("interruption.shield"):
            super().shield()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        with super().deferred(), self._calls.passing("interruption.deferred"):
            yield

    def signal(self, name: str = "SIGINT") -> None:
        """Do what a signal does."""
        self._handle(signal.Signals[name], None)

    def strike_at(self, number: int, moment: Moment, *, again: bool = False) -> None:
        """Have a signal come at that call; `again`: and at every one after it."""

        def strike(made: int, _name: str, at: Moment) -> None:
            if (made == number and at == moment) or (again and made > number):
                self.signal()

        self._calls.strike = strike
