"""Kinds of faults in Toxiproxy's words. Nothing else knows both.

A fault is one toxic of its own name, or one for each stream of a connection, named `<fault id>.<stream>`. A fault that
closes the listener is a toxic that does nothing, as a mark, on a proxy that is disabled: so the server's state alone
tells what is on, to whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.errors import UsageError
from workbench.model.faults.accept_then_close import AcceptThenClose
from workbench.model.faults.actions import Side
from workbench.model.faults.bandwidth import Bandwidth
from workbench.model.faults.base import FaultBase
from workbench.model.faults.blackhole import Blackhole
from workbench.model.faults.broker_down import BrokerDown
from workbench.model.faults.cache_down import CacheDown
from workbench.model.faults.db_error import DbError
from workbench.model.faults.db_slow import DbSlow
from workbench.model.faults.latency import Latency
from workbench.model.faults.refuse import Refuse
from workbench.model.faults.slicer import Slicer
from workbench.model.faults.slow_drip import SlowDrip
from workbench.model.faults.truncate import Truncate
from workbench.model.units import NS_PER_MS, NS_PER_S
from workbench.supervisor.planes import MARK

Stream = Literal["upstream", "downstream"]

_STREAMS: Mapping[Side, Stream] = {"request": "upstream", "response": "downstream"}
_KB = 1_000
_NS_PER_US = 1_000


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
            attributes = {"latency": _ms(fault.delay), "jitter": round(fault.jitter / NS_PER_MS)}
            toxics = [Toxic(fault.id, "latency", _STREAMS[fault.side], attributes)]
        case Bandwidth():
            toxics = [_rate(fault)]
        case SlowDrip():
            toxics = [_slices(fault.id, "response", fault.chunk, 0, fault.every)]
        case Slicer():
            toxics = [_slices(fault.id, fault.side, fault.average, fault.variation, fault.delay)]
        case Truncate():
            toxics = [Toxic(fault.id, "limit_data", "downstream", {"bytes": fault.after})]
        case AcceptThenClose():
            toxics = _both_ways(fault, "timeout", {"timeout": 1})
        case Blackhole():
            toxics = _both_ways(fault, "timeout", {"timeout": 0})
        case DbSlow():
            toxics = [Toxic(fault.id, "latency", "downstream", {"latency": _ms(fault.delay), "jitter": 0})]
        case Refuse() | DbError() | CacheDown() | BrokerDown():
            toxics = [Toxic(fault.id, MARK, "downstream", {})]
        case _:
            raise UsageError(f"Toxiproxy cannot do {fault.kind}, fault {fault.id}", hint="--fault-plane builtin can")
    return toxics


def fault_of(toxic: str) -> str:
    """Return the id of the fault that a toxic belongs to, by its name."""
    return toxic.partition(".")[0]


def _both_ways(fault: FaultBase, kind: str, attributes: dict[str, int]) -> list[Toxic]:
    """Both streams: what one of them ends, a peer that keeps its half open would hold on to."""
    streams: tuple[Stream, ...] = ("upstream", "downstream")
    return [Toxic(f"{fault.id}.{stream}", kind, stream, attributes) for stream in streams]


def _rate(fault: Bandwidth) -> Toxic:
    """Whole kilobytes are all that its limit of a rate knows; below one, bytes go out one by one."""
    if fault.rate < _KB:
        return _slices(fault.id, fault.side, 1, 0, round(NS_PER_S / fault.rate))
    return Toxic(fault.id, "bandwidth", _STREAMS[fault.side], {"rate": round(fault.rate / _KB)})


def _slices(name: str, side: Side, size: int, variation: int, delay_ns: int) -> Toxic:
    attributes = {"average_size": size, "size_variation": variation, "delay": round(delay_ns / _NS_PER_US)}
    return Toxic(name, "slicer", _STREAMS[side], attributes)


def _ms(ns: int) -> int:
    """Whole milliseconds are all it knows; what is asked for is never rounded to nothing."""
    return max(1, round(ns / NS_PER_MS))
