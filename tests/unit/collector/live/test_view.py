"""Whose faults the page asks for, and when: those of nobody, while a run goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.collector.live import view as views
from workbench.collector.live.faults_standing import FaultsStanding
from workbench.collector.live.view import LiveView
from workbench.collector.recording import Keeping, Recording
from workbench.collector.scraping import Scraper


class Asked(FaultsStanding):
    """Notes what it is told to do; there is nobody to ask."""

    def __init__(self) -> None:
        super().__init__(None)
        self.done: list[str] = []

    async def look(self) -> None:
        self.done.append("look")

    def forget(self) -> None:
        self.done.append("forget")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Seconds that pass when a test says so."""
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(views, "time", SimpleNamespace(monotonic=lambda: now.s))
    return now


def done(view: LiveView, asked: Asked) -> str:
    asyncio.run(view._look_for_faults())
    return asked.done[-1]


def test_while_a_run_is_recorded_nobody_is_asked(tmp_path: Path, clock: SimpleNamespace) -> None:
    """Its journal tells of its faults; asking the services would cost what is measured."""
    keeping, asked = Keeping(), Asked()
    view = LiveView(keeping, Scraper(keeping), asked)
    assert "look" == done(view, asked)
    keeping.recording = Recording(tmp_path)
    assert "forget" == done(view, asked)
    keeping.recording.close()
    keeping.recording = None
    assert "look" == done(view, asked)


def test_a_run_whose_recording_was_lost_with_a_collector_still_goes_on(clock: SimpleNamespace) -> None:
    """The collector that was started anew records nothing, and is told so twice a second. Else the run's own faults
    would be shown as put on by hand. A runner that was killed tells nothing more.
    """
    keeping, asked = Keeping(), Asked()
    view = LiveView(keeping, Scraper(keeping), asked)
    view.goes_on("20260101T000000Z-latency-spike-abc123")
    clock.s += 0.5
    assert "forget" == done(view, asked)
    view.goes_on(None)
    assert "look" == done(view, asked)
    view.goes_on("20260101T000000Z-latency-spike-abc123")
    clock.s += 11
    assert "look" == done(view, asked)
