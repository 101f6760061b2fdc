"""Everything the page shows, as a few parts, each of which is sent again only when it has changed.

A part is one JSON text for all readers. A reader keeps the versions it has; one that is slow finds the newest text
when it comes for it, and nothing is kept for it meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.collector.live.faults_standing import FaultsStanding
from workbench.collector.live.page import page_digest
from workbench.collector.live.past_runs import PastRuns
from workbench.collector.live.run_seen import RunSeen
from workbench.collector.recording import Keeping
from workbench.collector.scraping import Scraper
from workbench.collector.wire import LivePage
from workbench.pages.topology import drawn

MOST_READERS = 16
_TICK_S = 1.0
_HEARD_S = 10.0
"""A run whose load goes on says so twice a second; one whose runner was killed says nothing more."""
_BREATH_S = 0.02
"""Between two looks at files that are far ahead: scrapes and spans come first."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it is now."""

    version: int
    text: str


class LiveView:
    """What goes on in one stack."""

    def __init__(self, keeping: Keeping, scraper: Scraper, standing: FaultsStanding) -> None:
        self._keeping = keeping
        self._scraper = scraper
        self._standing = standing
        self._past = PastRuns()
        self._reports: Path | None = None
        self._parts: dict[str, Part] = {}
        self._version = 0
        self._changed = asyncio.Event()
        self._heard_s = -_HEARD_S
        """When a run has said that it goes on, on the monotonic clock."""
        self.page: LivePage | None = None
        """Until it is told, there is no page."""
        self.run: RunSeen | None = None
        self.readers = 0
        self.ended = False
        self.leaving = False
        """The stack ends in good order, and this process with it; what has ended before it is missed by nobody."""

    @property
    def state_folder(self) -> Path:
        """The folder that a run holds while it goes on."""
        assert self.page is not None
        return Path(self.page.state)

    @property
    def reports(self) -> Path | None:
        """The folder of runs: that of the last run, else that of the stack."""
        return self._reports

    def show(self, page: LivePage) -> None:
        """Serve the page of this stack from now on."""
        self.page = page
        self._standing.ask(page.faults)
        if self._reports is None:
            self._reports = Path(page.reports)

    def begin(self, raw: Path) -> None:
        """A run begins: its rows go to this folder."""
        if self.run is not None:
            if self.run.folder == raw.parent:
                return
            self.run.close()
        apart = None if self.page is None or self.page.recordings is None else Path(self.page.recordings)
        self.run = RunSeen(raw.parent, apart)
        self._reports = raw.parent.parent
        self._keeping.breakers.forget()

    def goes_on(self, run_id: str | None) -> None:
        """A run says that it goes on: a collector that died meanwhile, and was started anew, finds it again.

        None: it has ended.
        """
        self._heard_s = -_HEARD_S if run_id is None else time.monotonic()
        if run_id is None:
            return
        if self.run is None and self._reports is not None and (self._reports / run_id / "raw").is_dir():
            self.begin(self._reports / run_id / "raw")

    def span(self, row: Sequence[Any]) -> None:
        """Take one row of the table `spans`."""
        if self.run is not None:
            self.run.span(row)

    async def watch(self) -> None:
        """Look at everything, each second; put it in words only while somebody reads.

        In a task of its own: should the page fail, what is recorded goes on.
        """
        try:
            while not self.ended:
                behind = self.run is not None and self.run.follow()
                if self.readers and not behind:
                    await self._look_for_faults()
                    self.refresh()
                await asyncio.sleep(_BREATH_S if behind else _TICK_S)
        except Exception:  # noqa: BLE001 - the edge of the page
            traceback.print_exc()
        finally:
            self.end()

    async def _look_for_faults(self) -> None:
        """While a run goes on its journal tells of them, and nobody else may put one on."""
        if self._keeping.recording is None and time.monotonic() - self._heard_s > _HEARD_S:
            await self._standing.look()
        else:
            self._standing.forget()

    def refresh(self) -> None:
        """Bring all parts up to date."""
        if self.page is None:
            return
        run, before = self.run, self._version
        if run is not None:
            run.follow()
        self._put("stack", self._stack())
        self._put("runs", [] if self._reports is None else [one.data() for one in self._past.newest(self._reports)])
        self._put("run", None if run is None else run.facts())
        self._put("now", self._now())
        self._put("standing", self._standing.data())
        self._put("charts", None if run is None else run.charts(self._keeping.breakers))
        self._put("journal", [] if run is None else list(run.journal.moments))
        if self._version != before:
            self._changed.set()  # whoever waits now has to look
            self._changed = asyncio.Event()

    def newer(self, than: int) -> list[tuple[str, Part]]:
        """Return the parts that have changed since a version, the newest last."""
        found = [(name, part) for name, part in self._parts.items() if part.version > than]
        return sorted(found, key=lambda one: one[1].version)

    async def wait(self, at_most_s: float) -> None:
        """Wait until something has changed, or for some time."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._changed.wait()
        except TimeoutError:
            return

    def leave(self) -> None:
        """Have the page show how it came out, and tell readers that nothing more will come."""
        self.leaving = not self.ended
        if self.readers:
            with suppress(Exception):  # what the page cannot show keeps no stack from ending
                self.refresh()
        self.end()

    def end(self) -> None:
        """Send readers away, and let files go."""
        self.ended = True
        self._changed.set()
        if self.run is not None:
            self.run.close()

    def _put(self, name: str, content: Any) -> None:
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        if name not in self._parts or self._parts[name].text != text:
            self._version += 1
            self._parts[name] = Part(self._version, text)

    def _stack(self) -> dict[str, Any]:
        assert self.page is not None
        system = self.page.system
        shape = drawn(system, {})
        return {
            "page": page_digest(),
            "stack": self.page.stack_id,
            "system": system.name,
            "title": system.title or system.name,
            "edges": [edge.name for edge in system.edges],
            "map": None if shape is None else asdict(shape),
        }

    def _now(self) -> dict[str, Any]:
        run = self.run
        told: dict[str, Any] = {"state": "rest"} if run is None else run.now()
        told["breakers"] = dict(sorted(self._keeping.breakers.states.items()))
        told["silent"] = [] if self.leaving else self._scraper.silent()
        return told
