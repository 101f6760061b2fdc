"""Faults that are on while no run goes on: somebody has put them there by hand, and they end by themselves.

Who has them is asked, and only while somebody looks at the page. One that does not answer keeps what it had until that
would have ended: a fault is not gone because nobody can say so.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
            self._told[url] = list(self._faults(said) if service is None else self._disturbances(said, service))
        except aiohttp.ClientConnectorError:
            self._told.pop(url, None)  # who has ended has no faults any more
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError):
            return

    def _faults(self, said: Mapping[str, Any]) -> Iterator[Standing]:
        """Faults of a plane are on edges, those of the supervisor on services, or on the server of a resource."""
        for one in said["faults"]:
            edges = (str(one["edge"]),) if "edge" in one else ()
            target = edges[0] if edges else str(one["service"])
            resource = self._sources.resources.get(target)
            of = [] if edges else [target] if resource is None else resource.of
            ends_ns = int(one["expires_at_ns"]) or None
            yield Standing(str(one["id"]), str(one["kind"]), target, edges, tuple(of), ends_ns)

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
        """Return each fault once, with the whole seconds that are left of it; None: nothing ends it by itself.

        One that Toxiproxy makes in front of a server is told by the supervisor, and by the services that count it: of
        these only that they have a part in it.
        """
        now_ns = time.monotonic_ns()
        whole: dict[str, Standing] = {}
        makers = [url for url in self._sources.lists if url in self._told]
        for one in (one for url in dict.fromkeys([*makers, *self._told]) for one in self._told[url]):
            first = whole.setdefault(one.id, one)
            whole[one.id] = replace(first, services=tuple(sorted({*first.services, *one.services})))
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
