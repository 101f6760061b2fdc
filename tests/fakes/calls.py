"""Every call on any port, in order, and a seam to have one of them struck by a signal or a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from workbench.errors import Interrupted

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


class FakeInterruption:
    """A signal at one call, or at one call and all later ones; as the real trap, it raises once and never shielded."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.shielded = False
        self._deferring = False
        self.received: str | None = None
        self.noted = 0
        """Signals that came too late to raise."""

    def shield(self) -> None:
        with self._calls.passing("interruption.shield"):
            self.shielded = True

    @contextmanager
    def deferred(self) -> Iterator[None]:
        self._deferring = True
        try:
            with self._calls.passing("interruption.deferred"):
                yield
        finally:
            self._deferring = False
        self.check()

    def check(self) -> None:
        if self.received is not None and not self.shielded:
            raise Interrupted(self.received)

    def signal(self, name: str = "SIGINT") -> None:
        """Do what a signal does."""
        if self.received is not None or self.shielded:
            self.noted += 1
            return
        self.received = name
        if not self._deferring:
            raise Interrupted(name)

    def strike_at(self, number: int, moment: Moment, *, again: bool = False) -> None:
        """Have a signal come at that call; `again`: and at every one after it."""

        def strike(made: int, _name: str, at: Moment) -> None:
            if (made == number and at == moment) or (again and made > number):
                self.signal()

        self._calls.strike = strike
