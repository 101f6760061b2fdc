"""Kinds of faults in Toxiproxy's words. Nothing else knows both.

A fault is one toxic of its own name, or one for each stream of a connection, named `<fault id>.<stream>`. A fault that
closes the listener is a toxic that does nothing, as a mark, on a proxy that is disabled: so the server's state alone
tells what is on, to whoever asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.errors import UsageError
from workbench.model.faults.base import FaultBase
from workbench.model.faults.blackhole import Blackhole
from workbench.model.faults.latency import Latency
from workbench.model.faults.refuse import Refuse
from workbench.model.units import NS_PER_MS

Stream = Literal["upstream", "downstream"]

MARK = "noop"
"""Type of the toxic that only says that its proxy is disabled on purpose."""


@dataclass(frozen=True, slots=True)
class Toxic:
    """One toxic to be added. `attributes` are as Toxiproxy wants them: milliseconds, bytes, KB/s."""

    name: str
    type: str
    stream: Stream
    attributes: dict[str, int]


def toxics_of(fault: FaultBase) -> list[Toxic]:
    """Return the toxics that make a fault. Raises UsageError for one that Toxiproxy cannot do.

    Planning has refused those before, by the abilities they need: this is where it would be noticed if it had not.
    """
    match fault:
        case Latency():
            stream: Stream = "downstream" if fault.side == "response" else "upstream"
            attributes = {"latency": _ms(fault.delay), "jitter": round(fault.jitter / NS_PER_MS)}
            return [Toxic(fault.id, "latency", stream, attributes)]
        case Blackhole():
            return _both_ways(fault, "timeout", {"timeout": 0})
        case Refuse():
            return [Toxic(fault.id, MARK, "downstream", {})]
        case _:
            raise UsageError(f"Toxiproxy cannot do {fault.kind}, fault {fault.id}", hint="--fault-plane builtin can")


def fault_of(toxic: str) -> str:
    """Return the id of the fault that a toxic belongs to, by its name."""
    return toxic.partition(".")[0]


def _both_ways(fault: FaultBase, kind: str, attributes: dict[str, int]) -> list[Toxic]:
    """Both streams: what one of them ends, a peer that keeps its half open would hold on to."""
    streams: tuple[Stream, ...] = ("upstream", "downstream")
    return [Toxic(f"{fault.id}.{stream}", kind, stream, attributes) for stream in streams]


def _ms(ns: int) -> int:
    """Whole milliseconds are all it knows; what is asked for is never rounded to nothing."""
    return max(1, round(ns / NS_PER_MS))
