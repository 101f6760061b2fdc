"""Scrapes every target each second, all apart in time, so that one that hangs or dies delays no other.

A scrape counts wholly or not at all; `up` says which. Its time is when the answer had arrived.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from math import isfinite

import aiohttp

from workbench.collector.exposition import LIVE_PREFIX, BadExposition, Exposition, Series
from workbench.collector.live.breakers_seen import METRIC
from workbench.collector.recording import Keeping
from workbench.collector.wire import LiveSample
from workbench.collector.wire import Target as TargetOrder
from workbench.masking import Masks

INTERVAL_S = 1.0
TIMEOUT_S = 0.9
LONGEST_ANSWER = 32 * 1024 * 1024

_HEADERS = {"Accept": "text/plain; version=0.0.4", "Accept-Encoding": "identity"}


class ScrapeEnd(StrEnum):
    """How a scrape ended."""

    ANSWERED = "answered"
    FAILED = "failed"
    """No answer in time, or not one that can be read."""
    LATE = "late"
    """Not made: the one before took too long, or the collector had no core."""


class _Target:
    """One service: what it exposes, and what it said last."""

    def __init__(self, service: str, url: str, keeping: Keeping, masks: Masks) -> None:
        self.service = service
        self.url = url
        self._keeping = keeping
        self._masks = masks
        self._exposition = Exposition(self._enrol)
        self.ends = dict.fromkeys(ScrapeEnd, 0)
        self._live: list[tuple[Series, float]] = []
        self._live_at_ns = 0
        self.silent = False
        """The last scrape had no answer."""

    def forget(self) -> None:
        """Begin anew with the numbers of series: another recording counts, or none."""
        self._exposition = Exposition(self._enrol)

    def take(self, text: str | None, began_ns: int) -> None:
        """Keep one answer; None where there was none."""
        at_ns = time.monotonic_ns()
        samples = self._read(text)
        self.ends[ScrapeEnd.FAILED if samples is None else ScrapeEnd.ANSWERED] += 1
        if samples is not None:
            self._live = [(series, value) for series, value in samples if series.live and isfinite(value)]
            self._live_at_ns = at_ns
            for series, value in self._live:
                if series.name == METRIC and "edge" in series.labels:
                    self._keeping.breakers.told(at_ns, series.labels["edge"], value)
        self.silent = samples is None
        recording = self._keeping.recording
        if recording is not None:
            recording.points(at_ns, [(series.number, value) for series, value in samples or ()])
            own = {"up": float(samples is not None), "scrape_duration_seconds": (at_ns - began_ns) / 1e9}
            recording.points(at_ns, [(recording.series(self.service, name, {}), value) for name, value in own.items()])

    def live(self) -> Iterator[LiveSample]:
        """Yield the latest values of the workbench's own metrics."""
        for series, value in self._live:
            yield LiveSample(
                service=self.service, name=series.name, labels=series.labels, value=value, at_ns=self._live_at_ns
            )

    def _read(self, text: str | None) -> list[tuple[Series, float]] | None:
        if text is None:
            return None
        try:
            return self._exposition.read(text)
        except BadExposition:
            return None

    def _enrol(self, name: str, labels: dict[str, str]) -> Series:
        masked = self._masks.labels(labels)
        recording = self._keeping.recording
        number = -1 if recording is None else recording.series(self.service, name, masked)
        return Series(number, name, masked, name.startswith(LIVE_PREFIX))


class Scraper:
    """All targets. `start` and `stop` belong to the event loop it runs in."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._targets: list[_Target] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def watch(self, targets: Mapping[str, TargetOrder], masks: Masks) -> None:
        """Scrape these from now on, and no others."""
        await self._end_tasks()
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=_HEADERS)
        self._targets = [_Target(name, order.metrics_url, self._keeping, masks) for name, order in targets.items()]
        self._tasks = [
            asyncio.create_task(self._watch(target, self._session, INTERVAL_S * position / len(self._targets)))
            for position, target in enumerate(self._targets)
        ]

    async def scrape_all(self) -> None:
        """Scrape every target once, now, beside the beat."""
        session = self._session
        if session is not None:
            await asyncio.gather(*(_scrape(target, session) for target in self._targets))

    def forget(self) -> None:
        """Begin anew with the numbers of series, in all targets."""
        for target in self._targets:
            target.forget()

    def live(self) -> list[LiveSample]:
        """Return the latest values of the workbench's own metrics."""
        return [sample for target in self._targets for sample in target.live()]

    def silent(self) -> list[str]:
        """Return the services whose last scrape had no answer."""
        return [target.service for target in self._targets if target.silent]

    def ends(self) -> dict[str, dict[str, int]]:
        """Return how scrapes ended so far, by service."""
        return {target.service: {str(end): n for end, n in target.ends.items()} for target in self._targets}

    async def stop(self) -> None:
        """End all scraping."""
        await self._end_tasks()
        if self._session is not None:
            await self._session.close()

    async def _end_tasks(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, target: _Target, session: aiohttp.ClientSession, offset_s: float) -> None:
        """Scrape one target at a fixed beat; beats that were missed are left out."""
        loop = asyncio.get_running_loop()
        due = loop.time() + offset_s
        while True:
            await asyncio.sleep(due - loop.time())
            await _scrape(target, session)
            missed = int(max(0.0, loop.time() - due) // INTERVAL_S)
            target.ends[ScrapeEnd.LATE] += missed
            due += INTERVAL_S * (missed + 1)


async def _scrape(target: _Target, session: aiohttp.ClientSession) -> None:
    began_ns = time.monotonic_ns()
    target.take(await _answer(session, target.url), began_ns)


async def _answer(session: aiohttp.ClientSession, url: str) -> str | None:
    """Return the text that a target answers; None for any reason that it did not."""
    try:
        async with asyncio.timeout(TIMEOUT_S), session.get(url) as response:
            if response.status != 200:
                return None
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > LONGEST_ANSWER:
                    return None
            return content.decode()
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return None
