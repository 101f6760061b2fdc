"""What goes wrong on purpose inside a service: with its database, its broker, its cache. Only under the workbench.

Faults between services are made by a proxy. What happens between a service and a file, or inside a client library,
is made here, where the real thing would happen: each resource asks `hits` before it does something.

    if disturbances.hits("cache", "down"):
        raise ConnectionRefusedError

Where somebody stands in front of a real server who disturbs it, the service is the one that can tell what of its work
was hit. Then the disturbance is `watch`, which does nothing and counts, around each operation:

    with disturbances.watched("cache", StoreAway):
        ...

Which operations are hit is decided by seed, id and ordinal alone. A disturbance is a lease: what is not renewed in
time ends by itself, also when whoever ordered it is gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

_TRY_AGAIN_S = 1.0
"""After this long it is tried again to undo what could not be undone."""

exempt: ContextVar[bool] = ContextVar("exempt", default=False)
"""Set for what is no work of the service's own: whoever looks at the disturbed service has to see it."""

_log = structlog.get_logger(__name__)


class Wanted(BaseModel):
    """What is to be done to which resource, to which share of its operations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: Literal["database", "broker", "cache"]
    do: Literal["slow", "fail", "read_only", "lock", "down", "duplicate", "reorder", "watch"]
    share: float = Field(default=1.0, gt=0, le=1)
    seed: int = 0
    delay_ns: int = Field(default=0, ge=0, le=60_000_000_000, description="of `slow` and `watch`: per operation")
    lease_ms: int = Field(default=4000, ge=1, le=600_000, description="it ends this long after it was last asked for")

    def is_same(self, other: Wanted) -> bool:
        """Tell whether only the lease differs."""
        return self.model_copy(update={"lease_ms": other.lease_ms}) == other


@dataclass(slots=True)
class Disturbance:
    """A disturbance in force, and what it met so far."""

    id: str
    wanted: Wanted
    until_s: float = 0.0
    eligible: int = 0
    hit: int = 0
    ending: asyncio.TimerHandle | None = field(default=None, repr=False)
    clock_s: Callable[[], float] = field(default=time.monotonic, repr=False)

    def draws(self) -> bool:
        """Count one operation, and tell whether it is hit."""
        ordinal, self.eligible = self.eligible, self.eligible + 1
        is_hit = self.wanted.share >= 1 or _draw(self.wanted.seed, self.id, ordinal) < self.wanted.share
        self.hit += is_hit
        return is_hit

    def saw(self, *, failed: bool, given_up: bool, lasted_s: float) -> None:
        """Count one operation that was watched: hit is what failed, or was held up for as long as expected.

        One that was given up before shows neither.
        """
        expected_s = self.wanted.delay_ns / 1e9
        hit = failed or (expected_s > 0 and lasted_s >= expected_s)
        if hit or not given_up:
            self.eligible += 1
            self.hit += hit

    def document(self) -> dict[str, object]:
        """Return what is shown of it."""
        return {
            "id": self.id,
            "resource": self.wanted.resource,
            "do": self.wanted.do,
            "eligible": self.eligible,
            "hit": self.hit,
            "passed": self.eligible - self.hit,
            "lease_left_ms": max(0, round((self.until_s - self.clock_s()) * 1000)),
        }


Switch = Callable[[Disturbance], Awaitable[None]]


async def _nothing(_: Disturbance) -> None:
    """Begin or end a disturbance that needs no preparation: asking `hits` is enough."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something of the service's that can be disturbed.

    `begin` prepares a disturbance, `end` undoes that and sees to it that it is undone; both raise when they cannot.
    """

    kinds: frozenset[str]
    begin: Switch = _nothing
    end: Switch = _nothing


class Unknown(Exception):
    """There is no such disturbance."""


class Impossible(Exception):
    """The service has no such resource, or the resource cannot be disturbed so."""


class Different(Exception):
    """The id belongs to a disturbance of other content."""


class Disturbances:
    """All disturbances of a service. Lives in the event loop; `hits` costs a truth test while there is none."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._resources: dict[str, Resource] = {}
        self._active: dict[str, Disturbance] = {}
        self._changing = asyncio.Lock()
        self._lapsing: set[asyncio.Task[None]] = set()

    def offer(self, name: str, resource: Resource) -> None:
        """Say that the service has a resource, and what can be done to it."""
        self._resources[name] = resource

    def hits(self, resource: str, *kinds: str) -> list[Disturbance] | None:
        """Count an operation with every disturbance of this resource and kind, and return those that hit it."""
        if not self._active or exempt.get():
            return None
        now_s = self._clock_s()
        return [
            one
            for one in self._active.values()
            if one.wanted.resource == resource and one.wanted.do in kinds and one.until_s > now_s and one.draws()
        ]

    @contextmanager
    def watched(self, resource: str, *away: type[BaseException]) -> Iterator[None]:
        """Have an operation counted by whoever watches the resource; it has failed if it ends with one of these."""
        if not self._active or exempt.get():
            yield
            return
        began_s = self._clock_s()
        watching = [
            one
            for one in self._active.values()
            if one.wanted.resource == resource and one.wanted.do == "watch" and one.until_s > began_s
        ]
        failed = given_up = False
        try:
            yield
        except away:
            failed = True
            raise
        except asyncio.CancelledError:
            given_up = True
            raise
        finally:
            for one in watching:
                one.saw(failed=failed, given_up=given_up, lasted_s=self._clock_s() - began_s)

    async def put(self, name: str, wanted: Wanted, *, only_renew: bool = False) -> Disturbance:
        """Begin a disturbance, or renew its lease. Raises Different or Impossible; Unknown if it may not begin."""
        resource = self._resource(wanted)
        async with self._changing:
            known = self._active.get(name)
            if known is None and only_renew:
                raise Unknown(name)
            if known is None:
                known = Disturbance(name, wanted, clock_s=self._clock_s)
                await resource.begin(known)
                self._active[name] = known
                _log.warning("disturbance begun", id=name, **wanted.model_dump())
            elif not wanted.is_same(known.wanted):
                raise Different(name)
            known.until_s = self._clock_s() + wanted.lease_ms / 1000
            self._end_after(known, wanted.lease_ms / 1000)
            return known

    def get(self, name: str) -> Disturbance:
        """Return a disturbance that is in force. Raises Unknown."""
        if name not in self._active:
            raise Unknown(name)
        return self._active[name]

    def all(self) -> list[Disturbance]:
        """Return what is in force."""
        return list(self._active.values())

    async def end(self, name: str) -> Disturbance:
        """End a disturbance, and return what it met. Raises Unknown, or what kept it from being undone."""
        async with self._changing:
            one = self.get(name)
            await self._undo(one)
            return one

    async def end_all(self) -> list[Disturbance]:
        """End everything."""
        async with self._changing:
            ended = self.all()
            for one in ended:
                await self._undo(one)
            return ended

    def _resource(self, wanted: Wanted) -> Resource:
        resource = self._resources.get(wanted.resource)
        if resource is None:
            there_are = ", ".join(sorted(self._resources)) or "nothing"
            raise Impossible(f"this service has no {wanted.resource}; it has: {there_are}")
        if wanted.do not in resource.kinds:
            known = ", ".join(sorted(resource.kinds))
            raise Impossible(f"what can be done to this {wanted.resource} is: {known}; not {wanted.do}")
        if wanted.do != "watch" and (wanted.do == "slow") != (wanted.delay_ns > 0):
            raise Impossible("delay_ns belongs to 'slow', which needs it")
        if wanted.do == "watch" and wanted.share < 1:
            raise Impossible("who watches sees everything: share has to be 1")
        if wanted.do == "lock" and wanted.share < 1:
            raise Impossible("a lock is held or it is not: share has to be 1")
        return resource

    def _lapse(self, one: Disturbance) -> None:
        task = asyncio.get_running_loop().create_task(self._end_lapsed(one))
        self._lapsing.add(task)
        task.add_done_callback(self._lapsing.discard)

    async def _end_lapsed(self, one: Disturbance) -> None:
        async with self._changing:
            if self._active.get(one.id) is not one:
                return  # ended meanwhile
            left_s = one.until_s - self._clock_s()
            if left_s > 0:  # renewed meanwhile, or the timer was early: uvloop's are, by up to 1 ms
                self._end_after(one, max(left_s, 0.001))
                return
            try:
                await self._undo(one)
            except Exception:  # noqa: BLE001 - whatever is wrong, it must not stay
                _log.exception("disturbance could not be undone", id=one.id)
                self._end_after(one, _TRY_AGAIN_S)

    async def _undo(self, one: Disturbance) -> None:
        await self._resources[one.wanted.resource].end(one)
        del self._active[one.id]
        if one.ending is not None:
            one.ending.cancel()
        _log.warning("disturbance ended", **one.document())

    def _end_after(self, one: Disturbance, seconds: float) -> None:
        if one.ending is not None:
            one.ending.cancel()
        one.ending = asyncio.get_running_loop().call_later(seconds, self._lapse, one)


def _draw(seed: int, name: str, ordinal: int) -> float:
    """Return a number in [0, 1) that depends on its arguments only; the workbench computes the same one."""
    digest = blake2b(f"{seed}|{name}|{ordinal}|hit".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * 2.0**-64
