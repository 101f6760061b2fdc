"""Toxics: what Toxiproxy does to the bytes of a whole connection. One class for each type, in one table.

As in Toxiproxy, `toxicity` is the part of connections that are hit, decided by chance when a connection meets the
toxic and again when the toxic is changed; `stream` says which direction: `upstream` is towards the callee,
`downstream` towards the caller. Toxics act in the order in which they were added. Each has a stage in every
connection, hit or not, so that a change of toxicity changes no order.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol

from workbench.faultproxy.connection import Connection
from workbench.faultproxy.edge import ConnectionRule
from workbench.faultproxy.toxiproxy import toxic_stages as stages
from workbench.faultproxy.toxiproxy.documents import (
    BandwidthAttributes,
    Document,
    LatencyAttributes,
    LimitDataAttributes,
    NoopAttributes,
    ResetPeerAttributes,
    SlicerAttributes,
    SlowCloseAttributes,
    TimeoutAttributes,
)
from workbench.faultproxy.toxiproxy.toxic_stages import Attributes, ToxicStage

DocumentClass = type[Document]
StageClass = type[ToxicStage]


class Chance(Protocol):
    """Where random numbers come from: `random.Random`."""

    def random(self) -> float:
        """Return a number in [0, 1)."""

    def randrange(self, start: int, stop: int, /) -> int:
        """Return an integer from `start` to `stop` - 1."""


class Toxic(ConnectionRule):
    """One toxic on one edge. `attributes` holds every attribute of the type."""

    __slots__ = ("_stages", "attributes", "chance", "name", "stream", "toxicity")

    type: ClassVar[str]
    struct: ClassVar[str]
    """Its name in Toxiproxy's own error messages."""
    number: ClassVar[Literal["int", "int64"]] = "int64"
    """What its attributes are called there."""
    document: ClassVar[DocumentClass]
    stage: ClassVar[StageClass | None]

    def __init__(self, name: str, stream: str, toxicity: float, attributes: Attributes, chance: Chance) -> None:
        super().__init__()
        self.name = name
        self.stream = stream
        self.toxicity = toxicity
        self.attributes = attributes
        self.chance = chance
        self._stages: dict[Connection, ToxicStage] = {}

    @classmethod
    def defaults(cls) -> Attributes:
        """Return every attribute with what it is unless it is given."""
        return dict(cls.document())

    @property
    def is_upstream(self) -> bool:
        return self.stream.lower() == "upstream"

    def meet(self, connection: Connection) -> None:
        if self.stage is None:
            return
        stage = self.stage(self, connection)
        self._stages[connection] = stage
        connection.touch(self)
        stage.pipe.add_stage(stage)
        stage.draw()

    def update(self, toxicity: float, attributes: Attributes) -> None:
        """Change it for connections that are open and to come; who is hit is drawn anew."""
        self.toxicity = toxicity
        self.attributes = attributes
        for stage in tuple(self._stages.values()):
            stage.draw()

    def release(self, connection: Connection) -> None:
        super().release(connection)
        stage = self._stages.pop(connection, None)
        if stage is not None:
            stage.stop()

    def show(self) -> dict[str, Any]:
        """Return it as Toxiproxy's JSON has it."""
        return {
            "attributes": self.attributes,
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }


class Latency(Toxic):
    """Delays every piece by `latency` plus or minus up to `jitter` milliseconds."""

    __slots__ = ()
    type = "latency"
    struct = "LatencyToxic"
    document = LatencyAttributes
    stage = stages.Late


class Bandwidth(Toxic):
    """Lets `rate` kB pass in a second; none at all if that is 0."""

    __slots__ = ()
    type = "bandwidth"
    struct = "BandwidthToxic"
    document = BandwidthAttributes
    stage = stages.Narrow


class SlowClose(Toxic):
    """Delays the end of the connection, and nothing else, by `delay` milliseconds."""

    __slots__ = ()
    type = "slow_close"
    struct = "SlowCloseToxic"
    document = SlowCloseAttributes
    stage = stages.LateEnd


class Timeout(Toxic):
    """Lets nothing through; closes the connection after `timeout` idle milliseconds, never if that is 0."""

    __slots__ = ()
    type = "timeout"
    struct = "TimeoutToxic"
    document = TimeoutAttributes
    stage = stages.Silence


class ResetPeer(Toxic):
    """Resets the connection `timeout` milliseconds after the first bytes, or the end, came its way."""

    __slots__ = ()
    type = "reset_peer"
    struct = "ResetToxic"
    document = ResetPeerAttributes
    stage = stages.Reset


class Slicer(Toxic):
    """Cuts data into slices of about `average_size` bytes, with `delay` microseconds behind each."""

    __slots__ = ()
    type = "slicer"
    struct = "SlicerToxic"
    number = "int"
    document = SlicerAttributes
    stage = stages.Sliced


class LimitData(Toxic):
    """Closes the connection once `bytes` have passed since it met the toxic."""

    __slots__ = ()
    type = "limit_data"
    struct = "LimitDataToxic"
    document = LimitDataAttributes
    stage = stages.Limited


class Noop(Toxic):
    """Does nothing."""

    __slots__ = ()
    type = "noop"
    struct = "NoopToxic"
    document = NoopAttributes
    stage = None


TOXICS: dict[str, type[Toxic]] = {
    toxic.type: toxic for toxic in (Latency, Bandwidth, SlowClose, Timeout, ResetPeer, Slicer, LimitData, Noop)
}
