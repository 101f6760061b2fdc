"""Services that die by SIGKILL at the n-th boundary between their steps, so that a test can try every one of them.

Nothing in the services knows of this. The process of a service is forked as always; before it becomes the service,
the two ways out of it (its database and its HTTP client) are wrapped. A write has three boundaries: before it, with
everything done and nothing committed, and after the commit. An exchange has two: before it, and when it is answered.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

from target_services.chassis.ages import Ages
from target_services.chassis.database import Database
from target_services.chassis.lease import Lease
from target_services.chassis.resilience.http_wire import HttpWire
from target_services.chassis.resilience.wire import Answer, Call
from target_services.orders import worker
from tests.integration.shop.stack import _FORK, ServiceProcess, Shop, _run, wait_until

NEVER = 10**9
UNCOUNTED = frozenset({"Lease.keep", "Lease.give_back", "Inventory.expire"})
"""Writes that come by the clock, whatever else happens."""

SKEW_S = 15.0
"""How far the clock of each new process is ahead of the last one's: whatever that one had leased is over."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

GONE = Answer(409, {}, b'{"type": "urn:shop:problem:out-of-stock"}')


class Boundaries:
    """Notes the boundaries that a process passes while it is armed, and kills it at the n-th, or at one by name.

    `name#3` is the third of that name.
    """

    def __init__(self, armed: Path) -> None:
        self._armed = armed
        self._passed = Counter[str]()

    def meet(self, name: str) -> None:
        with suppress(FileNotFoundError):
            last = self._armed.read_text()
            self._passed[name] += 1
            with self._armed.with_suffix(".passed").open("a") as names:
                names.write(f"{name}\n")
            if last in (name, f"{name}#{self._passed[name]}", str(self._passed.total())):
                self._armed.with_suffix(".died").write_text(name)
                os.kill(os.getpid(), signal.SIGKILL)


def _wrap(boundaries: Boundaries, *, goods_are_gone: bool) -> None:
    write, exchange = Database.write, HttpWire.exchange

    async def dying_write(self: Database, work: Callable[[Any], Any]) -> Any:
        caller = sys._getframe(1).f_code.co_qualname
        if caller in UNCOUNTED:
            return await write(self, work)

        def whole(connection: Any) -> Any:
            done = work(connection)
            boundaries.meet(f"{caller}: not yet committed")
            return done

        boundaries.meet(f"{caller}: before")
        done = await write(self, whole)
        boundaries.meet(f"{caller}: committed")
        return done

    async def dying_exchange(self: HttpWire, call: Call, headers: Mapping[str, str]) -> Answer:
        what = f"{call.method} {_UUID.sub('key', call.path)}"
        boundaries.meet(f"{what}: before")
        answer = GONE if goods_are_gone and call.path.endswith("/confirm") else await exchange(self, call, headers)
        boundaries.meet(f"{what}: answered")
        return answer

    Database.write = dying_write  # type: ignore[method-assign]  # of this process only
    HttpWire.exchange = dying_exchange  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Life:
    """How a process is to live: `armed` is the file that says when it dies."""

    armed: Path
    skew_s: float
    goods_are_gone: bool


def _become(service: str, environment: dict[str, str], log: str, life: Life) -> None:
    real_ns = time.time_ns
    time.time_ns = lambda: real_ns() + int(life.skew_s * 1e9)  # leases of the process before are over
    Ages.__init__.__defaults__ = (time.time_ns, time.monotonic_ns)
    worker.LOOK_EVERY_S = 0.05
    Lease.__init__.__kwdefaults__ = {"length_s": 0.3, "clock": time.monotonic}
    _wrap(Boundaries(life.armed), goods_are_gone=life.goods_are_gone)
    _run(service, environment, log)


class DyingProcess(ServiceProcess):
    """A process that is wrapped before it becomes the service."""

    def __init__(self, *arguments: Any) -> None:
        self._process = _FORK.Process(target=_become, args=arguments, daemon=True)
        self._process.start()


class DyingShop(Shop):
    """A shop of which one service can be killed at its n-th boundary."""

    mortal = ""
    goods_are_gone = False
    lives = 0

    @property
    def armed(self) -> Path:
        return self.folder / "armed"

    def launch(self, *services: str) -> None:
        for service in services:
            if service != self.mortal and not (service == "orders" and self.goods_are_gone):
                super().launch(service)
                continue
            self.lives += 1
            armed = self.armed if service == self.mortal else self.folder / "never"
            life = Life(armed, self.lives * SKEW_S, self.goods_are_gone)
            log = str(self.folder / f"{service}.log")
            self.processes[service] = DyingProcess(service, self.environment(service), log, life)

    def arm(self, boundary: int | str) -> None:
        """Have the mortal service killed at its n-th boundary from now on, or at the first (or n-th) one of a name."""
        self.armed.with_suffix(".passed").write_text("")
        ready = self.armed.with_suffix(".ready")
        ready.write_text(str(boundary))
        ready.replace(self.armed)

    def disarm(self) -> list[str]:
        """Return the boundaries that were passed."""
        self.armed.unlink()
        return self.armed.with_suffix(".passed").read_text().splitlines()

    def died_at(self) -> str:
        """Return the boundary at which the mortal service was killed last."""
        return self.armed.with_suffix(".died").read_text()

    def is_dead(self) -> bool:
        return self.processes[self.mortal].poll() is not None

    def revive(self) -> None:
        self.processes.pop(self.mortal)
        self.start(self.mortal)

    def settle(self) -> None:
        """Wait until nobody has anything left to do."""
        for service in ("orders", "payments", "notifications"):
            wait_until(f"{service} to have nothing pending", partial(self._has_nothing_pending, service))

    def _has_nothing_pending(self, service: str) -> bool:
        with suppress(OSError, HTTPException):
            audit = self.audit(service)
            return bool(audit["pending"] == audit["totals"].get("outbox", 0) == 0)
        return False
