"""One proxied connection without sockets: the test is caller, callee and clock."""

from __future__ import annotations

import csv
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from tests.unit.faultproxy.clockwork import Clockwork, Transport
from workbench.faultproxy.active_fault import ActiveFault, RequestInfluence, activate
from workbench.faultproxy.attempt import Attempt
from workbench.faultproxy.caller_end import CallerEnd
from workbench.faultproxy.connection import CalleeEnd, Connection
from workbench.faultproxy.edge import Edge, Protocol
from workbench.faultproxy.recording import Evidence, Recording, row_of
from workbench.faultproxy.wire import FaultOrder
from workbench.model.tables import ATTEMPTS

CANARY = "0123456789abcdef"
COLUMNS = [column.name for column in ATTEMPTS.columns]
NEVER = 10**18


class Rows:
    """Stands in for a recording."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def keep(self, attempt: Attempt) -> None:
        self.lines.append(row_of(attempt))

    def is_canary(self, token: str) -> bool:
        return token == CANARY

    def read(self) -> list[dict[str, str]]:
        return [dict(zip(COLUMNS, row, strict=True)) for row in csv.reader(self.lines)]


class Wire:
    """An edge with one connection. The callee answers the phone when it is dialled, unless told not to."""

    def __init__(self, clock: Clockwork, protocol: Protocol = "http") -> None:
        self.clock = clock
        self.rows = Rows()
        evidence = Evidence()
        evidence.recording = cast("Recording", self.rows)
        self.edge = Edge(
            "a:b", "127.0.0.1:0", "127.0.0.1:9", protocol=protocol, evidence=evidence, loop=clock.as_loop()
        )
        self.edge.enabled = True
        self.auto_answer = True
        self._pick_up()

    def _pick_up(self) -> None:
        self.caller = Transport()
        self.callee = Transport()
        self._caller_end = CallerEnd(self.edge, self.clock.as_loop())
        self._callee_end: CalleeEnd | None = None
        dialled = self.clock.tasks
        self._caller_end.connection_made(self.caller.as_transport())
        self._dialled_before = dialled
        self._answer_phone()

    def again(self) -> None:
        """The same edge, a new connection."""
        self._pick_up()

    @property
    def connection(self) -> Connection:
        connection = self._caller_end._connection
        assert connection is not None
        return connection

    @property
    def dialled(self) -> bool:
        return self.clock.tasks > self._dialled_before

    def _answer_phone(self) -> None:
        if self.dialled and self._callee_end is None and self.auto_answer:
            self.answer_phone()

    def answer_phone(self) -> None:
        self._callee_end = CalleeEnd(self.connection)
        self._callee_end.connection_made(self.callee.as_transport())

    # -- what the two do --------------------------------------------------------------------------------

    def request(self, data: bytes, cut: int | None = None) -> None:
        """The caller sends, in pieces of `cut` bytes."""
        for piece in pieces(data, cut):
            self._caller_end.data_received(piece)
            self._answer_phone()

    def answer(self, data: bytes, cut: int | None = None) -> None:
        """The callee sends, in pieces of `cut` bytes."""
        assert self._callee_end is not None, "nobody has called"
        for piece in pieces(data, cut):
            self._callee_end.data_received(piece)

    def caller_ends(self) -> None:
        self._caller_end.eof_received()
        self._answer_phone()

    def callee_ends(self) -> None:
        assert self._callee_end is not None
        self._callee_end.eof_received()

    def caller_breaks(self, error: Exception | None = None) -> None:
        self._caller_end.connection_lost(error or ConnectionResetError())

    def callee_breaks(self, error: Exception | None = None) -> None:
        assert self._callee_end is not None
        self._callee_end.connection_lost(error or ConnectionResetError())

    def caller_stalls(self) -> None:
        self._caller_end.pause_writing()

    def wait_ms(self, ms: float) -> None:
        self.clock.advance_ms(ms)
        self._answer_phone()

    # -- faults -----------------------------------------------------------------------------------------

    def fault(self, fault_id: str, *, seed: int = 1, **fields: Any) -> RequestInfluence:
        """Put a fault on, for the open connection too."""
        declared = {"id": fault_id, "edge": "a:b", **fields}
        order = FaultOrder.model_validate({"fault": declared, "seed": seed, "lease_ms": 1})
        active: ActiveFault = activate(order.fault, order.seed, self.clock.now, NEVER)
        assert isinstance(active, RequestInfluence)
        run(self.edge.add_fault(active, self.clock.now))
        active.begin(self.clock.now)
        return active

    def lift(self, fault: RequestInfluence) -> None:
        run(self.edge.remove_fault(fault, self.clock.now))

    # -- what can be seen -------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        return self.connection.closed

    def told(self, *columns: str) -> list[tuple[str, ...]]:
        """Return these columns of every row."""
        return [tuple(row[name] for name in columns) for row in self.rows.read()]


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run what does not wait for anything."""
    with pytest.raises(StopIteration):
        work.send(None)


def pieces(data: bytes, cut: int | None) -> list[bytes]:
    return [data] if cut is None else [data[i : i + cut] for i in range(0, len(data), cut)]
