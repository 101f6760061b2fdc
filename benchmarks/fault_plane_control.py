"""The control API while readers are stalled in the middle of a body: the built-in fault plane beside Toxiproxy.

    python benchmarks/fault_plane_control.py [--readers 100] [--rounds 5] [--patience 10]

Many callers ask for 1 GiB and read none of it. Then toxics and faults are added, updated, removed and reset on that
edge, each call timed. Toxiproxy gets one round of one type of toxic, because each of its calls can hang for 25 s; one
that does not answer within the patience is given up. Each sort of fault gets a plane of its own.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import time
import urllib.error
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import fault_plane_bulk
from plane_peers import BUILT_IN, LEASE_MS, TOXIPROXY, Plane, Rig, say, show_machine

EDGE = "stalled:callee"
STALL_S = 1.0
TOXICS: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "latency": ({"latency": 100}, {"latency": 50}),
    "bandwidth": ({"rate": 100}, {"rate": 50}),
    "slicer": ({"average_size": 64, "delay": 10}, {"average_size": 128}),
    "timeout": ({"timeout": 0}, {"timeout": 60_000}),
}
"""Attributes at first, and as updated."""
FAULTS: dict[str, dict[str, Any]] = {
    "latency": {"delay": "100ms"},
    "bandwidth": {"rate": "100KB/s"},
    "slow_drip": {"chunk": 16, "every": "100ms"},
    "slicer": {"average": 64, "delay": "1ms"},
    "blackhole": {},
}

Call = Callable[[], Any]


def toxic_calls(plane: Plane, kind: str, patience_s: float) -> dict[str, Call]:
    """Return what is done with a type of toxic, in that order."""
    first, then = TOXICS[kind]
    toxics = f"/proxies/{EDGE}/toxics"
    toxic = {"name": "t", "type": kind, "attributes": first}

    def call(method: str, path: str, body: Any = None) -> Call:
        return lambda: plane.call(method, path, body, timeout_s=patience_s)

    return {
        "add": call("POST", toxics, toxic),
        "update": call("POST", f"{toxics}/t", {"attributes": then}),
        "remove": call("DELETE", f"{toxics}/t"),
        "add again": call("POST", toxics, toxic),
        "reset": call("POST", "/reset"),
    }


def fault_calls(plane: Plane, kind: str) -> dict[str, Call]:
    """Return the same for a fault, whose update is a renewal."""
    fault = {"id": "f", "kind": kind, "edge": EDGE, **FAULTS[kind]}
    order = {"fault": fault, "seed": 1, "lease_ms": LEASE_MS}
    return {
        "add": lambda: plane.call("POST", "/faults", order),
        "update": lambda: plane.call("POST", "/faults/renew", {"ids": ["f"], "lease_ms": LEASE_MS}),
        "remove": lambda: plane.call("DELETE", "/faults/f"),
        "add again": lambda: plane.call("POST", "/faults", order),
        "reset": lambda: plane.call("DELETE", "/faults"),
    }


class _RefusedError(Exception):
    """The plane does not do that."""


def take(call: Call) -> tuple[float, str]:
    """Return how many milliseconds a call took, and what came of it if that is no good."""
    began, outcome = time.perf_counter(), ""
    try:
        call()
    except TimeoutError:
        outcome = "no answer"
    except urllib.error.HTTPError as error:
        if error.code < 500:
            raise _RefusedError(f"{error.code} {error.read().decode().strip()}") from error
        outcome = str(error.code)
    return (time.perf_counter() - began) * 1e3, outcome


def stall(stack: ExitStack, port: int, readers: int) -> None:
    """Let readers ask for more than anybody buffers, and read nothing."""
    for _ in range(readers):
        reader = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        reader.sendall(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % fault_plane_bulk.GIB)
    time.sleep(STALL_S)


def measure(plane: Plane, callee: int, calls: Callable[[], dict[str, Call]], rounds: int, readers: int) -> None:
    """Print how long each call took."""
    port = plane.edge(EDGE, callee)
    taken: dict[str, list[float]] = {}
    outcomes: dict[str, str] = {}
    for _ in range(rounds):
        with ExitStack() as stack:
            stall(stack, port, readers)
            reading = {"read": lambda: plane.call("GET", f"/proxies/{EDGE}")}
            for name, call in (reading | calls()).items():
                ms, outcome = take(call)
                taken.setdefault(name, []).append(ms)
                outcomes[name] = outcomes.get(name) or outcome
    cells = (f"{statistics.median(ms):.1f}, {max(ms):.1f} {outcomes[name]}".strip() for name, ms in taken.items())
    print(" | ".join(cells), "|", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the built-in plane for each kind")
    parser.add_argument(
        "--patience", type=float, default=10, help="seconds to wait for an answer of Toxiproxy (it gives up after 25)"
    )
    options = parser.parse_args()
    show_machine()
    print(f"{options.readers} stalled readers; ms: median, highest of {options.rounds} rounds (Toxiproxy: one)\n")
    print("| | read | add | update | remove | add again | reset |\n|---|---|---|---|---|---|---|")
    cases = [(BUILT_IN, "fault", kind) for kind in FAULTS]
    cases += [(BUILT_IN, "toxic", kind) for kind in TOXICS]
    cases.append((TOXIPROXY, "toxic", "latency"))
    for name, what, kind in cases:
        with Rig() as rig:
            callee = rig.callee(fault_plane_bulk.__file__, "serve")
            for plane in rig.planes(name):
                say(f"{name}, {what} {kind}")
                print(f"| {name}, {what} {kind} | ", end="")
                if what == "fault":
                    calls = partial(fault_calls, plane, kind)
                else:
                    calls = partial(toxic_calls, plane, kind, options.patience)
                rounds = options.rounds if name == BUILT_IN else 1
                try:
                    measure(plane, callee, calls, rounds, options.readers)
                except _RefusedError as error:
                    print(error, "|")


if __name__ == "__main__":
    main()
