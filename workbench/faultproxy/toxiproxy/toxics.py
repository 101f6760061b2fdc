"""Toxics: what Toxiproxy does to the bytes of a whole connection. One class for each type, in one table.

As in Toxiproxy, `toxicity` is the part of connections that are hit, and `stream` says which direction:
`upstream` is towards the callee, `downstream` towards the caller.
"""

from __future__ import annotations

import asyncio
import random
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from workbench.faultproxy.connection import Connection
from workbench.faultproxy.edge import ConnectionRule
from workbench.faultproxy.stages import Stage
from workbench.model.faults.actions import Delay, Swallow
from workbench.model.units import NS_PER_MS

Attributes = dict[str, int]

_random = random.Random()


class Toxic(ConnectionRule):
    """One toxic on one edge. `attributes` holds every attribute of the type."""

    __slots__ = ("attributes", "name", "stream", "toxicity")

    type: ClassVar[str]
    struct: ClassVar[str]
    """Its name in Toxiproxy's own error messages."""
    fields: ClassVar[tuple[str, ...]]

    def __init__(self, name: str, stream: str, toxicity: float, attributes: Attributes) -> None:
        super().__init__()
        self.name = name
        self.stream = stream
        self.toxicity = toxicity
        self.attributes = attributes

    @property
    def is_upstream(self) -> bool:
        return self.stream.lower() == "upstream"

    def meet(self, connection: Connection) -> None:
        if _random.random() < self.toxicity:
            connection.touch(self)
            pipe = connection.up if self.is_upstream else connection.down
            pipe.add_stage(self.new_stage(connection))

    @abstractmethod
    def new_stage(self, connection: Connection) -> Stage:
        """Return what it does to the pieces of one connection."""

    def update(self, toxicity: float, attributes: Attributes, connections: Iterable[Connection]) -> None:
        """Change it for connections that are open and to come; who is hit is drawn anew."""
        self.toxicity = toxicity
        self.attributes = attributes
        for connection in tuple(connections):
            if connection in self.touched:
                if _random.random() >= toxicity:
                    connection.lift(self)
            else:
                self.meet(connection)

    def show(self) -> dict[str, Any]:
        """Return it as Toxiproxy's JSON has it."""
        return {
            "attributes": self.attributes,
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": int(self.toxicity) if self.toxicity == int(self.toxicity) else self.toxicity,
        }


class Latency(Toxic):
    """Delays every piece by `latency` plus or minus up to `jitter` milliseconds."""

    __slots__ = ()
    type = "latency"
    struct = "LatencyToxic"
    fields = ("latency", "jitter")

    def new_stage(self, connection: Connection) -> Stage:  # noqa: ARG002 - the same for all
        return _DelayStage(self)


class Timeout(Toxic):
    """Lets nothing through; closes the connection after `timeout` idle milliseconds, never if that is 0."""

    __slots__ = ("_timers",)
    type = "timeout"
    struct = "TimeoutToxic"
    fields = ("timeout",)

    def __init__(self, name: str, stream: str, toxicity: float, attributes: Attributes) -> None:
        super().__init__(name, stream, toxicity, attributes)
        self._timers: dict[Connection, asyncio.TimerHandle] = {}

    def new_stage(self, connection: Connection) -> Stage:
        connection.swallow(self)
        self.wait(connection)
        return _SwallowStage(self, connection)

    def wait(self, connection: Connection) -> None:
        """Count idle time from now."""
        self._stop_waiting(connection)
        if self.attributes["timeout"] > 0:
            loop = asyncio.get_running_loop()
            self._timers[connection] = loop.call_later(self.attributes["timeout"] / 1000, connection.cut)

    def update(self, toxicity: float, attributes: Attributes, connections: Iterable[Connection]) -> None:
        super().update(toxicity, attributes, connections)
        for connection in tuple(self.touched):
            self.wait(connection)

    def release(self, connection: Connection) -> None:
        super().release(connection)
        self._stop_waiting(connection)

    def _stop_waiting(self, connection: Connection) -> None:
        timer = self._timers.pop(connection, None)
        if timer is not None:
            timer.cancel()


TOXICS: dict[str, type[Toxic]] = {toxic.type: toxic for toxic in (Latency, Timeout)}


class _DelayStage(Stage):
    """Draws a delay for each piece."""

    __slots__ = ("_toxic",)

    def __init__(self, toxic: Latency) -> None:
        super().__init__(toxic)
        self._toxic = toxic

    def act(self, size: int) -> Delay:  # noqa: ARG002 - however large
        attributes = self._toxic.attributes
        jitter = attributes["jitter"]
        ms = attributes["latency"] + (_random.randrange(-jitter, jitter) if jitter > 0 else 0)
        return Delay(max(ms, 0) * NS_PER_MS, "request" if self._toxic.is_upstream else "response")


class _SwallowStage(Stage):
    """Swallows each piece; each one is a sign of life."""

    __slots__ = ("_connection", "_toxic")

    def __init__(self, toxic: Timeout, connection: Connection) -> None:
        super().__init__(toxic)
        self._toxic = toxic
        self._connection = connection

    def act(self, size: int) -> Swallow:  # noqa: ARG002 - however large
        return self.act_at_end()

    def act_at_end(self) -> Swallow:
        self._toxic.wait(self._connection)
        return Swallow()
