"""Bulk through the built-in fault plane and through Toxiproxy: 1 GiB on one connection, and what stalled readers hold.

    python benchmarks/fault_plane_bulk.py [--gib 1] [--rounds 3] [--stalled 100]

Each plane has a core of its own, both ends share another one. Down is towards the caller. The highest memory is the
plane's whole process while the bytes pass; what a stalled reader holds is by how much that process grows, per reader,
when many ask for 1 GiB and read none of it, and when each answer is late besides.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from plane_peers import BUILT_IN, TOXIPROXY, Plane, Rig, middle, quantile, read_line, say, show_machine

GIB = 1 << 30
PIECE = 1 << 20
SETTLE_S = 2.0
STALLED_DELAY_MS = 20


# -- callee and caller, each a process of its own ------------------------------------------------------------------


def serve() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            threading.Thread(target=_answer, args=(server.accept()[0],), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    """GET /N: an answer of N bytes. POST: take a body of the length that the head tells."""
    with connection, suppress(OSError):
        head, _, body = _read_head(connection)
        if head.startswith(b"GET"):
            size = int(head.split()[1][1:])
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            _send(connection, size)
        else:
            _receive(connection, int(head.rpartition(b"Content-Length: ")[2]) - len(body))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.recv(1)  # until the caller leaves


def transfer(port: int, direction: str, size: int) -> None:
    """Move `size` bytes and print how many seconds it took."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        began = time.perf_counter()
        if direction == "down":
            connection.sendall(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % size)
            _, _, body = _read_head(connection)
            _receive(connection, size - len(body))
        else:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            _send(connection, size)
            _read_head(connection)
        print(time.perf_counter() - began, flush=True)


def _read_head(connection: socket.socket) -> tuple[bytes, bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(PIECE)
        if not more:
            raise ConnectionError
        data += more
    return data.partition(b"\r\n\r\n")


def _send(connection: socket.socket, size: int) -> None:
    piece = memoryview(bytes(PIECE))
    while size > 0:
        connection.sendall(piece[:size])
        size -= PIECE


def _receive(connection: socket.socket, size: int) -> None:
    buffer = bytearray(PIECE)
    while size > 0:
        count = connection.recv_into(buffer)
        if not count:
            sys.exit(f"the connection ended {size} bytes too early")
        size -= count


# -- measuring -----------------------------------------------------------------------------------------------------


@dataclass
class Measured:
    mib_per_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    highest_mib: list[float] = field(default_factory=list)


CASES = (("HTTP", "down"), ("TCP", "down"), ("TCP", "up"))


def edges(plane: Plane, callee: int) -> dict[str, int]:
    """Make an edge for each protocol; return their ports."""
    names = ("HTTP", "TCP")
    return {name: plane.edge(f"{name.lower()}:callee", callee, protocol=name.lower()) for name in names}


def measure(rig: Rig, plane: Plane, way: tuple[int, str], size: int, into: Measured) -> None:
    """Move `size` bytes over a port in a direction."""
    plane.forget_highest()
    before = plane.cpu_s()
    taken_s = float(read_line(rig.start_role(__file__, "transfer", *way, size)))
    into.mib_per_s.append(size / PIECE / taken_s)
    into.cpu_s.append((plane.cpu_s() - before) * GIB / size)
    into.highest_mib.append(plane.memory_mib(highest=True))


def show_held(callee: int, protocol: str, delay_ms: int, readers: int) -> None:
    """Print by how much each plane grows for each reader that reads nothing. Planes are new: memory is used again."""
    with Rig() as rig:
        for plane in rig.planes():
            port = plane.edge("bulk:callee", callee, protocol=protocol.lower())
            if delay_ms:
                plane.delay("bulk:callee", delay_ms)
            late = f", {delay_ms} ms late" if delay_ms else ""
            print(f"| {plane.name}, {protocol}{late} | {_held_kib(plane, port, readers):.0f} |", flush=True)


def _held_kib(plane: Plane, port: int, readers: int) -> float:
    before, seen = plane.memory_mib(), [0.0]
    with ExitStack() as stack:
        for _ in range(readers):
            reader = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            reader.sendall(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % GIB)
        end = time.monotonic() + SETTLE_S
        while time.monotonic() < end:
            seen.append(plane.memory_mib())
            time.sleep(0.1)
    return (max(seen) - before) * 1024 / readers


def show(planes: list[Plane], results: dict[tuple[str, str, str], Measured], rounds: int) -> None:
    print(f"1 GiB on one connection, {rounds} rounds: median (lowest to highest)\n")
    print("| | MiB/s | CPU s per GiB | highest memory (MiB) |\n|---|---|---|---|")
    for (name, protocol, direction), seen in results.items():
        figures = f"{middle(seen.mib_per_s, 0)} | {middle(seen.cpu_s, 2)} | {quantile(seen.highest_mib, 1):.0f}"
        print(f"| {name}, {protocol}, {direction} | {figures} |")
    if len(planes) == 1:
        return
    print("\nbuilt-in / Toxiproxy in the same round\n\n| | MiB/s | GiB per CPU second |\n|---|---|---|")
    for case in CASES:
        ours, theirs = results[BUILT_IN, *case], results[TOXIPROXY, *case]
        speed = [o / t for o, t in zip(ours.mib_per_s, theirs.mib_per_s, strict=True)]
        cost = [t / o for o, t in zip(ours.cpu_s, theirs.cpu_s, strict=True)]
        print(f"| {', '.join(case)} | {middle(speed, 2)} | {middle(cost, 2)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stalled", type=int, default=100, help="readers that stall")
    options = parser.parse_args()
    size = int(options.gib * GIB)
    with Rig() as rig:
        callee = rig.callee(__file__, "serve")
        planes = rig.planes()
        ports = {plane.name: edges(plane, callee) for plane in planes}
        results = {(plane.name, *case): Measured() for case in CASES for plane in planes}
        for number in range(options.rounds):
            for protocol, direction in CASES:
                for plane in planes[:: 1 if number % 2 else -1]:
                    say(f"round {number + 1} of {options.rounds}: {plane.name}, {protocol}, {direction}")
                    into = results[plane.name, protocol, direction]
                    measure(rig, plane, (ports[plane.name][protocol], direction), size, into)
        show_machine()
        show(planes, results, options.rounds)
    print(f"\nheld for each of {options.stalled} stalled readers\n\n| | KiB |\n|---|---|")
    with Rig() as rig:
        callee = rig.callee(__file__, "serve")
        for protocol in ("HTTP", "TCP"):
            for delay_ms in (0, STALLED_DELAY_MS):
                show_held(callee, protocol, delay_ms, options.stalled)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["transfer", port, direction, size]:
            transfer(int(port), direction, int(size))
        case _:
            main()
