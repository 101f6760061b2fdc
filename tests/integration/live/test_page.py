"""The live page in a real Chromium: what a person sees, in every state, and after the collector was gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Page, browser, program
from tests.histories import END, ON, UNDO, healthy
from tests.history_builder import ns
from tests.integration.collector.rig import start_rig
from tests.integration.live.rig import LiveRig
from tests.written_run import WrittenRun
from workbench.model.events import Clock

pytestmark = [
    pytest.mark.skipif(program() is None, reason="Chromium is not on the path"),
]

BREAKER = 'workbench_breaker_state{edge="orders:payments"} '


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with browser() as page:
        yield page


@pytest.fixture
def page(tab: Page, live: LiveRig) -> Iterator[Page]:
    tab.complaints.clear()
    tab.emulate()
    tab.goto(live.address)
    tab.wait_for("the page is live", lambda page: page.text("#link") == "live")
    yield tab
    tab.goto("about:blank")


def begun(live: LiveRig, seconds_ago: float) -> WrittenRun:
    """A run that began so long ago."""
    run = healthy()
    zero = Clock(monotonic_ns=time.monotonic_ns() - ns(seconds_ago), wall_ns=time.time_ns() - ns(seconds_ago))
    run.record = run.record.model_copy(update={"zero": zero})
    written = WrittenRun(live.reports, run)
    live.begin(written.raw)
    return written


def has(selector: str, text: str) -> Any:
    return lambda page: text in page.text(selector)


def test_before_the_first_run_it_says_how_to_make_one(page: Page) -> None:
    """With the system, and without empty charts."""
    assert "Nothing is running" == page.text("h1")
    assert "workbench run latency-spike" in page.text("#runs")
    assert "payments" in page.text("#map")
    assert page.evaluate("getComputedStyle(document.getElementById('timeline')).display") == "none"
    assert page.evaluate("document.getElementById('stop').hidden")
    assert "token" not in page.evaluate("location.href")
    assert [] == page.complaints


def test_a_run_is_shown_from_its_beginning_to_its_verdict(page: Page, live: LiveRig) -> None:
    written = begun(live, ON + 3.5)
    page.wait_for("it is prepared", has("#badge", "getting ready"))
    written.go_on(10)
    page.wait_for("it runs", has("#badge", "running"))
    written.go_on(ON + 3)
    page.wait_for("the fault is on", has("#badge", "fault on"))
    assert "ON: orders → payments answers 800ms ± 100ms late" == page.text("#answer")
    assert "slow-payments is on" in page.text("#windows")
    assert page.evaluate("document.querySelectorAll('#map .link.faulted').length") == 1
    page.wait_for("charts are drawn", lambda p: p.evaluate("document.querySelectorAll('#figures canvas').length") == 5)
    assert "fault slow-payments on orders:payments is ON (verified)" in page.text("#journal")
    assert not page.evaluate("document.getElementById('stop').disabled")
    written.go_on(UNDO)
    page.wait_for("it is being undone", has("#windows", "slow-payments: being undone"))
    written.go_on(END + 10)
    page.wait_for("it is being judged", has("#badge", "judging"))
    verdict = {"title": "t", "outcome": "FAIL", "exit_code": 1, "reasons": ["A6: the breaker did not open"]}
    (written.folder / "report.html").write_text("<title>The report</title>")
    (written.folder / "verdict.json").write_text(json.dumps(verdict))
    page.wait_for("there is a verdict", has("#badge", "FAIL"))
    assert "A6: the breaker did not open Read the report" == page.text("#answer")
    assert page.evaluate("document.title").startswith("FAIL · ")
    assert page.evaluate("document.getElementById('stop').hidden")
    status = page.evaluate("fetch(document.querySelector('#answer a').href).then((answer) => answer.status)")
    assert 200 == status
    assert [] == page.complaints


def test_values_follow_the_pointer_and_the_arrow_keys(page: Page, live: LiveRig) -> None:
    """As in the report; Escape ends it, and the run goes on meanwhile."""
    written = begun(live, 30.5)
    written.go_on(30)
    page.wait_for("charts are drawn", lambda p: p.evaluate("document.querySelectorAll('#figures canvas').length") == 5)
    page.evaluate("document.getElementById('charts').focus()")
    for _ in range(4):
        page.press("ArrowLeft")
    page.wait_for("a moment is told", has("#moment", "slow-payments is on"))
    assert page.text("#chart-arrivals output") not in {"", "–"}
    written.go_on(31)
    time.sleep(2.2)
    assert "s to" in page.text("#moment")
    page.press("Escape")
    page.wait_for("the hint is back", has("#moment", "One time axis"))
    assert [] == page.complaints


def test_both_themes_and_no_motion(page: Page) -> None:
    """As the system has it, until a reader chooses."""
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.emulate(scheme="dark")
    dark = page.evaluate(colour)
    assert light != dark
    page.evaluate("document.getElementById('theme').click()")
    assert light == page.evaluate(colour)
    page.evaluate("document.getElementById('theme').click()")
    assert dark == page.evaluate(colour)
    assert 0 == page.evaluate("document.getAnimations().length")


@pytest.mark.parametrize("width", [1920, 1280, 800, 390])
def test_nothing_is_wider_than_the_window(page: Page, live: LiveRig, width: int) -> None:
    """From a second screen to a telephone."""
    written = begun(live, 30.5)
    written.go_on(30)
    page.emulate(width=width)
    page.wait_for("charts are drawn", lambda p: p.evaluate("document.querySelectorAll('#figures canvas').length") == 5)
    assert width >= page.evaluate("document.documentElement.scrollWidth")


def test_text_of_a_run_never_becomes_markup(page: Page, live: LiveRig) -> None:
    """Titles, reasons, events: whatever a scenario or a service says."""
    hostile = "<img src=x onerror=alert(1)>"
    run = healthy()
    scenario = run.record.scenario.model_copy(update={"title": hostile})
    run.record = run.record.model_copy(update={"scenario": scenario})
    written = WrittenRun(live.reports, run)
    event = {"event": "warned", "at_ns": 0, "message": hostile, "remedy": None}
    (written.folder / "journal.jsonl").write_text(json.dumps(event) + "\n")
    verdict = {"title": hostile, "outcome": hostile, "exit_code": 1, "reasons": [hostile]}
    (written.folder / "verdict.json").write_text(json.dumps(verdict))
    live.begin(written.raw)
    page.wait_for("the title is text", has("h1", hostile))
    page.wait_for("the event is text", has("#journal", hostile))
    assert 0 == page.evaluate("document.querySelectorAll('img').length")
    assert [] == page.complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_stack_that_is_taken_down_leaves_the_verdict_on_the_screen(page: Page, live: LiveRig, scheme: str) -> None:
    """With a run's own stack the page goes too: it says how that came out, and where the report is from now on."""
    page.emulate(scheme=scheme)
    written = begun(live, END + 10)
    written.go_on(END + 10)
    page.wait_for("it is being judged", has("#badge", "judging"))
    verdict = {"title": "t", "outcome": "FAIL", "exit_code": 1, "reasons": ["A6: the breaker did not open"]}
    (written.folder / "report.html").write_text("<title>The report</title>")
    (written.folder / "verdict.json").write_text(json.dumps(verdict))
    live.rig.process.terminate()  # at once: only the collector's last words can bring the verdict
    live.rig.process.wait()
    page.wait_for("the end is told", has("#lost", "This run is over: FAIL, exit 1."))
    report = str(written.folder / "report.html")
    assert f"The report is {report}; workbench open report shows it." in page.text("#lost")
    assert "A6: the breaker did not open" == page.text("#answer")
    assert ("FAIL", "ended") == (page.text("#badge"), page.text("#link"))
    assert page.evaluate("document.title").startswith("FAIL · ")
    assert not page.evaluate("document.body.classList.contains('stale')")
    assert page.evaluate("document.querySelectorAll('#figures canvas').length") == 5
    assert "does not answer" not in page.text("#breakers")
    assert 0 == page.evaluate("document.querySelectorAll('a[href^=runs]').length"), "a link leads to nobody"
    time.sleep(2.5)  # it has tried again meanwhile
    assert "ended" == page.text("#link")


def test_a_stack_that_is_taken_down_in_the_middle_of_a_run_is_told(page: Page, live: LiveRig) -> None:
    """What is seen is no end, and is not to be taken for one."""
    begun(live, 30.5).go_on(30)
    page.wait_for("the fault is on", has("#badge", "fault on"))
    live.rig.process.terminate()
    live.rig.process.wait()
    page.wait_for("the end is told", has("#lost", "The stack was taken down. What you see is how it was then."))
    assert page.evaluate("document.body.classList.contains('stale')")


def test_a_collector_that_is_gone_is_told_and_found_again(page: Page, live: LiveRig, tmp_path: Path) -> None:
    """What was seen stays; the next stack of the folder, on the same port, is shown without a reload."""
    begun(live, 30.5).go_on(30)
    page.wait_for("the fault is on", has("#badge", "fault on"))
    page.evaluate("window.stayed = true")
    port = live.port
    live.rig.process.kill()
    live.rig.process.wait()
    page.wait_for("the loss is told", has("#lost", "Not connected since"))
    assert "not connected" == page.text("#link")
    assert "fault on" in page.text("#badge")
    assert page.evaluate("document.getElementById('stop').disabled")
    (tmp_path / "next").mkdir()
    assert live.rig.process.stdout is not None
    live.rig.process.stdout.close()
    live.rig = start_rig(tmp_path / "next", WORKBENCH_CONTROL_PORT=str(port))
    live.show()
    page.wait_for("it is live again", lambda page: page.text("#link") == "live")
    page.wait_for("nothing runs", has("h1", "Nothing is running"))
    assert page.evaluate("document.getElementById('lost').hidden")
    assert page.evaluate("window.stayed")


def test_a_stop_is_asked_for_twice(page: Page, live: LiveRig) -> None:
    """Once by mistake is once too often. A refusal is shown."""
    begun(live, 30.5).go_on(30)
    page.wait_for("it can be stopped", lambda page: not page.evaluate("document.getElementById('stop').hidden"))
    page.evaluate("document.getElementById('stop').click()")
    assert page.evaluate("document.getElementById('sure').open")
    assert "Let it go on" == page.evaluate("document.activeElement.textContent")
    page.press("Escape")
    page.wait_for("it is closed", lambda page: not page.evaluate("document.getElementById('sure').open"))
    page.evaluate("document.getElementById('stop').click()")
    page.evaluate("document.getElementById('yes').click()")
    page.wait_for("the answer is shown", has("#sure-said", "no run holds the folder any more"))
    assert page.evaluate("document.getElementById('sure').open")


def test_who_has_no_key_is_told_where_it_is(tab: Page, live: LiveRig) -> None:
    tab.ask("Network.clearBrowserCookies")
    tab.goto(f"http://127.0.0.1:{live.port}/live/")
    tab.wait_for("the way in is told", has("h1", "This page needs its key"))
    assert "workbench open live" in tab.text("body")
