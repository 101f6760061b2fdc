"""What a fault plane adds when nothing is on, and how exactly it delays: the built-in plane beside Toxiproxy.

    python benchmarks/fault_plane_latency.py [--seconds 3] [--rounds 3] [--rate 1000]

The plane has a core of its own. Caller and callee are one process on another core that never sleeps, so that neither
has to be woken up and what is measured is the plane. Requests are sent at a fixed rate, evenly spaced, each on a free
connection. Rounds are interleaved. What is added is the quantile minus the one without a plane in the same round; how
far a delay is off is the same, minus what was asked.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field

from plane_peers import BUILT_IN, OTHER_CORE, Plane, Rig, middle, pin, quantile, say, show_machine

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n{"ok":true,"items":[1,2,3]}'
WARM_S = 0.5
DELAYS_MS = (0, 5, 50)
"""0: no fault is on."""


# -- caller and callee in one process that spins -------------------------------------------------------------------


class Spinner:
    """Sends requests to a port at a fixed rate and answers those that come back as a callee."""

    def __init__(self, listener: socket.socket, port: int, rate: float) -> None:
        self._listener, self._port, self._rate = listener, port, rate
        self._poll = select.epoll()
        self._poll.register(listener, select.EPOLLIN)
        self._callee: dict[int, socket.socket] = {}
        self._callers: dict[int, socket.socket] = {}
        self._free: deque[socket.socket] = deque()
        self._sent: dict[int, tuple[float, int]] = {}
        self.taken_ms: list[float] = []

    def run(self, seconds: float) -> None:
        """Count what is sent after a warm-up; end when all of it is answered, or a second later."""
        number, began = 0, time.perf_counter()
        last = round((WARM_S + seconds) * self._rate)
        give_up = began + WARM_S + seconds + 1
        while time.perf_counter() < give_up and (number < last or self._sent):
            self._serve()
            if number < last and time.perf_counter() >= began + number / self._rate:
                self._send(number)
                number += 1

    def _send(self, number: int) -> None:
        caller = self._free.popleft() if self._free else self._connect()
        trace = f"traceparent: 00-{number + 1:032x}-{number + 1:016x}-01"
        head = f"GET /v1/products?page={number % 50} HTTP/1.1\r\nHost: 127.0.0.1\r\n{trace}\r\n\r\n".encode()
        self._sent[caller.fileno()] = time.perf_counter(), number
        caller.send(head)

    def _connect(self) -> socket.socket:
        caller = socket.create_connection(("127.0.0.1", self._port))
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._callers[caller.fileno()] = caller
        self._poll.register(caller, select.EPOLLIN)
        return caller

    def _serve(self) -> None:
        for number, _ in self._poll.poll(0):
            if number == self._listener.fileno():
                callee = self._listener.accept()[0]
                callee.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._callee[callee.fileno()] = callee
                self._poll.register(callee, select.EPOLLIN)
            elif number in self._callee:
                if self._callee[number].recv(65536):
                    self._callee[number].send(ANSWER)
                else:
                    self._poll.unregister(number)
            else:
                self._take_answer(number)

    def _take_answer(self, number: int) -> None:
        caller = self._callers[number]
        if not caller.recv(65536):
            sys.exit("a connection was closed")
        now = time.perf_counter()
        sent, request = self._sent.pop(number)
        if request >= WARM_S * self._rate:
            self.taken_ms.append((now - sent) * 1e3)
        self._free.append(caller)


def spin(descriptor: int, port: int, rate: float, seconds: float) -> None:
    spinner = Spinner(socket.socket(fileno=descriptor), port, rate)
    spinner.run(seconds)
    print(json.dumps(spinner.taken_ms))


# -- measuring -----------------------------------------------------------------------------------------------------


@dataclass
class Measured:
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    name: str
    delay_ms: int
    port: int


def subjects(plane: Plane, callee: int) -> list[Subject]:
    found = []
    for protocol in ("http", "tcp") if plane.name == BUILT_IN else ("tcp",):
        for ms in DELAYS_MS:
            edge = f"{protocol}-{ms}:callee"
            found.append(Subject(f"{plane.name}, {protocol.upper()}", ms, plane.edge(edge, callee, protocol=protocol)))
            if ms:
                plane.delay(edge, ms)
    return found


def measure(listener: socket.socket, subject: Subject, options: argparse.Namespace) -> tuple[float, float]:
    words = ["spin", listener.fileno(), subject.port, options.rate, options.seconds]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, words)],
        check=True,
        capture_output=True,
        text=True,
        pass_fds=[listener.fileno()],
        preexec_fn=pin(OTHER_CORE),
    )
    taken = json.loads(done.stdout)
    if len(taken) < options.rate * options.seconds * 0.99:
        sys.exit(f"{subject.name}: {len(taken)} answers")
    return quantile(taken, 0.5), quantile(taken, 0.99)


def show(results: dict[Subject, Measured], direct: Measured) -> None:
    print(f"direct: p50 {middle(direct.p50_ms, 3)} ms, p99 {middle(direct.p99_ms, 3)} ms")
    for ms in DELAYS_MS:
        print(f"\n{f'{ms} ms late, off by' if ms else 'nothing on, added'}: median (lowest to highest)\n")
        print("| | p50 (ms) | p99 (ms) |\n|---|---|---|")
        for subject, seen in results.items():
            if subject.delay_ms == ms:
                p50 = [s - d - ms for s, d in zip(seen.p50_ms, direct.p50_ms, strict=True)]
                p99 = [s - d - ms for s, d in zip(seen.p99_ms, direct.p99_ms, strict=True)]
                print(f"| {subject.name} | {middle(p50, 3)} | {middle(p99, 3)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=1000, help="requests per second")
    options = parser.parse_args()
    with Rig() as rig, socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port = listener.getsockname()[1]
        found = [subject for plane in rig.planes() for subject in subjects(plane, port)]
        everyone = [Subject("direct", 0, port), *found]
        results = {subject: Measured() for subject in everyone}
        for number in range(options.rounds):
            for subject in everyone[:: 1 if number % 2 else -1]:
                say(f"round {number + 1} of {options.rounds}: {subject.name}, {subject.delay_ms} ms")
                p50, p99 = measure(listener, subject, options)
                results[subject].p50_ms.append(p50)
                results[subject].p99_ms.append(p99)
        show_machine()
        print(f"{options.rate} requests/s, {options.rounds} rounds of {options.seconds} s")
        show({subject: results[subject] for subject in found}, results[everyone[0]])


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["spin", descriptor, port, rate, seconds]:
            spin(int(descriptor), int(port), float(rate), float(seconds))
        case _:
            main()
