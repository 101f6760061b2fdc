"""Faults that are on while no run goes on: somebody has put them there by hand, and they end by themselves.

Who has them is asked, and only while somebody looks at the page. One that does not answer keeps what it had until that
would have ended: a fault is not gone because nobody can say so.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import aiohttp

from workbench.collector.wire import FaultSources
from workbench.model.faults import resource_kind
from workbench.model.units import NS_PER_MS, NS_PER_S

_TIMEOUT_S = 0.8


@dataclass(frozen=True, slots=True)
class Standing:
    """One fault as one of those who have it tells of it. `ends_ns`: on the monotonic clock."""

    id: str
    kind: str
    target: str
    edges: tuple[str, ...]
    services: tuple[str, ...]
    ends_ns: int | None


class FaultsStanding:
    """All of them. `look` belongs to the event loop it runs in; `token` opens who has faults."""

    def __init__(self, token: str | None) -> None:
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._sources = FaultSources()
        self._told: dict[str, list[Standing]] = {}
        """By address."""

    def ask(self, sources: FaultSources) -> None:
        """Ask these from now on, and no others."""
        self._sources = sources
        self._told.clear()

    def forget(self) -> None:
        """A run goes on: what is on now is in its journal."""
        self._told.clear()

    async def look(self) -> None:
        """Ask everybody once, side by side."""
        sources = self._sources
        kept = {(service, url) for one in sources.resources.values() for service, url in one.disturb.items()}
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, headers=self._headers) as session:
            await asyncio.gather(
                *(self._ask(session, url, None) for url in sources.lists),
                *(self._ask(session, url, service) for service, url in sorted(kept)),
            )

    async def _ask(self, session: aiohttp.ClientSession, url: str, service: str | None) -> None:
        try:
            async with session.get(url) as response:
                said = json.loads(await response.read())
            self._told[url] = list(_faults(said) if service is None else self._disturbances(said, service))
        except aiohttp.ClientConnectorError:
            self._told.pop(url, None)  # who has ended has no faults any more
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError):
            return

    def _disturbances(self, said: Mapping[str, Any], service: str) -> Iterator[Standing]:
        now_ns = time.monotonic_ns()
        for one in said["disturbances"]:
            kind, left_ms = resource_kind(one["resource"], one["do"]), one.get("lease_left_ms")
            ends_ns = None if left_ms is None else now_ns + int(left_ms) * NS_PER_MS
            yield Standing(str(one["id"]), kind, self._resource(one["resource"], service), (), (service,), ends_ns)

    def _resource(self, kind: str, service: str) -> str:
        resources = self._sources.resources.items()
        found = (name for name, one in resources if one.kind == kind and service in one.disturb)
        return next(found, f"{kind} of {service}")

    def data(self) -> list[dict[str, Any]]:
        """Return each fault once, with the whole seconds that are left of it; None: nothing ends it by itself."""
        now_ns = time.monotonic_ns()
        whole: dict[str, Standing] = {}
        for one in (one for told in self._told.values() for one in told):
            same = whole.get(one.id)
            services = one.services if same is None else tuple(sorted({*same.services, *one.services}))
            whole[one.id] = Standing(one.id, one.kind, one.target, one.edges, services, one.ends_ns)
        return [
            {
                "id": one.id,
                "kind": one.kind,
                "target": one.target,
                "edges": one.edges,
                "services": one.services,
                "left": None if one.ends_ns is None else ceil((one.ends_ns - now_ns) / NS_PER_S),
            }
            for _, one in sorted(whole.items())
            if one.ends_ns is None or one.ends_ns > now_ns
        ]


def _faults(said: Mapping[str, Any]) -> Iterator[Standing]:
    """Faults of a plane are on edges, those of the supervisor on services."""
    for one in said["faults"]:
        edge, service = one.get("edge"), one.get("service")
        edges, services = ((str(edge),), ()) if edge is not None else ((), (str(service),))
        ends_ns = int(one["expires_at_ns"]) or None
        yield Standing(str(one["id"]), str(one["kind"]), (*edges, *services)[0], edges, services, ends_ns)
