"""SIGINT, SIGTERM and SIGHUP as an exception at any moment, until cleaning up has begun."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from workbench.errors import Interrupted

_TRAPPED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalTrap:
    """While active, the first signal raises Interrupted in the main thread; later ones are only noted."""

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._shielded = False
        self._deferring = False
        self.received: str | None = None

    def __enter__(self) -> Self:
        for number in _TRAPPED:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def shield(self) -> None:
        """From here on signals are only noted: what follows is the cleaning up they ask for."""
        self._shielded = True

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Have a signal wait until this is over. Raises Interrupted then."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        self.check()

    def check(self) -> None:
        """Raise Interrupted if a signal came that ends the run."""
        if self.received is not None and not self._shielded:
            raise Interrupted(self.received)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None or self._shielded:
            return
        self.received = signal.Signals(number).name
        if not self._deferring:
            raise Interrupted(self.received)
