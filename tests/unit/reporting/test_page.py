"""The HTML page: complete, safe, small, and true also where next to nothing is left."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from typing import Any

import pytest

from tests.histories import SCENARIO, SYSTEM
from tests.unit.reporting.reading import Seen
from tests.unit.reporting.runs import (
    ALL_PASSED,
    healthy,
    mixed,
    nothing,
    passed,
    result,
    told,
    verdict,
    with_breaker,
)
from workbench.model.scenario import Scenario
from workbench.model.system import System
from workbench.model.tools import Tool
from workbench.model.verdict import Evidence, Outcome
from workbench.pages import inlined
from workbench.reporting.headline import Banner
from workbench.reporting.page import html_page
from workbench.reporting.report import Report

HOSTILE = """<script>alert(1)</script>'"&</style><img src=x onerror=alert(1)>\u2028"""


def data_of(page: str) -> dict[str, Any]:
    (text,) = [content for kind, content in Seen(page).scripts if kind == "application/json"]
    found: dict[str, Any] = json.loads(text)
    return found


def hostile() -> Report:
    """Return a report in which every text that a user or a service can choose is an attack."""
    run = with_breaker(healthy())
    scenario = {**SCENARIO, "title": HOSTILE, "hypothesis": HOSTILE}
    system = {**SYSTEM, "title": HOSTILE}
    run.record = run.record.model_copy(
        update={
            "scenario": Scenario.model_validate(scenario),
            "system": System.model_validate(system),
            "versions": {HOSTILE: HOSTILE},
            "reproduce": run.record.reproduce.model_copy(update={"command": [HOSTILE], "bugs": [HOSTILE]}),
        }
    )
    for journey in run.journeys[::7]:
        journey.error, journey.outcome = HOSTILE, "failed"
    for span in run.spans:
        span.name = HOSTILE
    run.problems = (HOSTILE,)
    evidence = [Evidence(kind="log", ref=HOSTILE, text=HOSTILE)]
    bad = result(f"A16:{HOSTILE}", Outcome.FAIL, claim=HOSTILE, reason=HOSTILE, evidence=evidence)
    return told(run, verdict(bad, title=HOSTILE, reasons=[HOSTILE]))


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    said = verdict(result("A16:s", Outcome.INCONCLUSIVE), exit_code=4)
    reports = {"passed": passed(), "mixed": mixed(), "nothing": told(nothing(), said), "hostile": hostile()}
    return {name: html_page(report) for name, report in reports.items()}


NAMES = ("passed", "mixed", "nothing", "hostile")


@pytest.mark.parametrize("name", NAMES)
def test_every_tag_is_closed_and_every_id_is_unique(pages: dict[str, str], name: str) -> None:
    """Also with hostile text in every field."""
    seen = Seen(pages[name])
    assert seen.open == []
    assert len(seen.ids) == len(set(seen.ids))


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere_in_the_page(pages: dict[str, str], name: str) -> None:
    """There is nothing else to lead to: the file is alone."""
    seen = Seen(pages[name])
    assert {link.removeprefix("#") for link in seen.links} <= set(seen.ids)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fetched_and_nothing_runs_but_our_scripts(pages: dict[str, str], name: str) -> None:
    """No address but the empty icon, no handler in an attribute, and a policy that names each script by its hash."""
    seen = Seen(pages[name])
    for tag, attribute, value in seen.attributes:
        assert not attribute.startswith("on"), f"{tag} has a handler {attribute}"
        if attribute in {"src", "href", "action", "data", "poster", "srcset"}:
            assert value.startswith(("#", "data:,")), f"{tag} fetches {value}"
    assert set(re.findall(r"url\(.", pages[name])) <= {"url(#"}
    assert "@import" not in pages[name]
    (policy,) = [value for _, attribute, value in seen.attributes if attribute == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none';")
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    running = [script for kind, script in seen.scripts if kind == ""]
    packed = [
        zlib.decompress(base64.b64decode(script)).decode() for kind, script in seen.scripts if kind == "text/plain"
    ]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in [*running, *packed]]
    assert policy.count("'sha256-") == len(hashes) == len(running) + len(packed)
    assert all(f"'sha256-{digest}'" in policy for digest in hashes)
    assert {kind for kind, _ in seen.scripts} <= {"", "application/json", "text/plain"}
    assert packed in ([], [inlined.library()])


def test_text_from_a_run_stays_text(pages: dict[str, str]) -> None:
    """Names, errors, log lines and versions are shown as they are, and never become markup or script."""
    assert "<script>alert" not in pages["hostile"]
    assert "<img" not in pages["hostile"]
    assert "<script>alert(1)</script>" in Seen(pages["hostile"]).words


def test_the_data_cannot_end_its_script_element() -> None:
    """Phase and fault names are harmless today; the chart data does not rely on it."""
    report = passed()
    assert report.timeline is not None
    (band, *bands) = report.timeline.bands
    worse = type(band)("</script><script>alert(1)", band.role, band.start_s, band.end_s)
    timeline = _replaced(report.timeline, bands=(worse, *bands))
    page = html_page(_replaced(report, timeline=timeline))
    assert page.count("</script") == len(Seen(page).scripts)
    assert data_of(page)["phases"][0][0] == "</script><script>alert(1)"


def _replaced(value: Any, **changes: Any) -> Any:
    fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return type(value)(**(fields | changes))


def test_the_page_says_the_verdict_in_word_shape_and_sentence(pages: dict[str, str]) -> None:
    """INCONCLUSIVE has a shape and a word of its own."""
    for name, outcome in (("passed", "PASS"), ("mixed", "FAIL"), ("nothing", "INCONCLUSIVE")):
        assert f'class="hero {outcome}"' in pages[name]
        assert f'<use href="#{outcome}"/></svg><strong>{outcome}</strong>' in pages[name]
    assert "It held: all 5 claims passed." in Seen(pages["passed"]).words
    shapes = re.findall(r'<symbol id="([A-Z_]+)" viewBox="0 0 24 24">(.*?)</symbol>', pages["passed"])
    assert len({shape for _, shape in shapes}) == len(Outcome) == len(shapes)


def test_the_first_screen_tells_what_was_done_and_what_users_felt(pages: dict[str, str]) -> None:
    """In words, without charts and without scripts."""
    words = Seen(pages["passed"]).words
    assert "orders → payments answers 800ms ± 100ms late" in words
    assert "Verified on at 23.1 s, verified off at 43.1 s (20 s)" in words
    assert "Hit 14 of 14 eligible requests" in words
    assert words.index("What users felt") < words.index("Timeline One time axis")


def test_every_chart_is_there_without_scripts(pages: dict[str, str]) -> None:
    """As a drawing, and as numbers in a table."""
    ids = [chart["id"] for chart in data_of(pages["passed"])["charts"]]
    assert ids == [
        "arrivals",
        "latency-browse",
        "latency-checkout",
        "outcomes",
        "attempts-orders-payments",
        "per-call-orders-payments",
    ]
    for id_ in ids:
        figure = pages["passed"].partition(f'id="chart-{id_}"')[2].partition("</figure>")[0]
        assert re.search(r'<path class="(line|area|dashed)"[^>]* d="M', figure), f"{id_} is not drawn"
    assert "The same as a table" in pages["passed"]
    assert 'class="open" style="left:' in pages["passed"]  # the breaker's lane


def test_what_is_missing_is_said_and_is_no_zero(pages: dict[str, str]) -> None:
    """A run that never began has neither charts nor a share of 0 %."""
    words = Seen(pages["nothing"]).words
    assert "The run could not go on: orders did not start (workbench logs orders)" in words
    assert words.count("no data") >= 6
    assert "0 %" not in words.partition("Checks")[0]
    assert 'id="library"' not in pages["nothing"]  # nothing to draw needs no library
    assert "No data: no load was on, so there is nothing to draw." in words


def test_a_run_that_ended_anywhere_still_has_a_page() -> None:
    """Whatever the last event was: the report is of what there is."""
    whole = healthy()
    journal = sorted(whole.journal, key=lambda event: event.at_ns)
    history = whole.build()
    for length in range(len(journal) + 1):
        cut = type(history)(history.run, tuple(journal[:length]), {}, {}, history.connection)
        seen = Seen(html_page(told(cut, verdict())))
        assert seen.open == [], f"after {length} events"
        assert "Timeline" in seen.words


def test_no_script_relies_on_storage_or_a_network() -> None:
    """The toggle of the theme works in a file opened from anywhere."""
    (own,) = [script for kind, script in Seen(html_page(passed())).scripts if kind == ""]
    for word in ("localStorage", "sessionStorage", "fetch(", "XMLHttpRequest", "cookie", "innerHTML = `"):
        assert word not in own


def test_banners_come_before_the_verdict() -> None:
    """What makes a run special is read first."""
    report = _replaced(passed(), banners=(Banner("bad", "Something special"),))
    words = Seen(html_page(report)).words
    assert words.index("Something special") < words.index("It held")


def test_a_control_says_that_nothing_was_done() -> None:
    """No fault is not a missing fault."""
    run = healthy()
    run.record = run.record.model_copy(update={"scenario": Scenario.model_validate({**SCENARIO, "faults": []})})
    assert "this scenario is a control" in Seen(html_page(told(run, verdict(*ALL_PASSED)))).words


@pytest.mark.parametrize(
    ("address", "linked"),
    [("http://127.0.0.1:18194", True), ("http://example.org:18194", False), ("javascript:alert(1)//", False)],
)
def test_a_trace_leads_to_the_jaeger_of_its_run_and_to_nobody_else(address: str, linked: bool) -> None:
    run = with_breaker(healthy())
    run.record = run.record.model_copy(update={"tools": {Tool.JAEGER: address}})
    links = Seen(html_page(told(run, verdict(result("A16:s", Outcome.PASS))))).links
    leading_out = [link for link in links if not link.startswith("#")]
    assert linked == bool(leading_out)
    traces = [link for link in leading_out if "/search?" not in link]
    assert all(re.fullmatch(re.escape(address) + "/trace/[0-9a-f]{32}", link) for link in traces)


def test_what_stood_beside_a_run_is_opened_at_its_time() -> None:
    run = healthy()
    beside = {tool: f"http://127.0.0.1:{18193 + number}" for number, tool in enumerate(Tool)}
    run.record = run.record.model_copy(update={"tools": beside | {Tool.PROMETHEUS: "http://example.org:9090"}})
    page = Seen(html_page(told(run, verdict(*ALL_PASSED))))
    assert "While that stack is up" in page.words
    (grafana,) = (link for link in page.links if link.startswith(beside[Tool.GRAFANA]))
    start_ms, run_id = run.record.zero.wall_ns // 10**9 * 1000 - 5000, run.record.run_id
    assert f"{beside[Tool.GRAFANA]}/d/workbench-run?from={start_ms}&" in grafana
    assert f"&var-run={run_id}&" in grafana
    assert not any("example.org" in link for link in page.links)
