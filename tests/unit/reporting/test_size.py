"""No page is larger than 150 KB, whatever the run was, and what a page leaves out it says."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree as ET

import pytest

from tests.unit.reporting.giant import CHECKS, giant
from tests.unit.reporting.reading import Seen
from tests.unit.reporting.runs import healthy, mixed, passed, result, told, verdict, with_breaker
from workbench.model.verdict import Evidence, Outcome
from workbench.reporting.detail import DETAILS, brief, trimmed
from workbench.reporting.junit import junit_report
from workbench.reporting.markdown import LIMIT_BYTES as MARKDOWN_LIMIT_BYTES
from workbench.reporting.markdown import markdown_report
from workbench.reporting.page import LIMIT_BYTES, html_page
from workbench.reporting.report import Report


@pytest.fixture(scope="module")
def largest() -> Report:
    return giant()


def test_the_largest_run_has_a_page_of_its_size_that_says_what_is_missing(largest: Report) -> None:
    """An hour, as many edges as there may be, hundreds of checks, every text hostile and long."""
    page = html_page(largest)
    assert len(page.encode()) <= LIMIT_BYTES
    seen = Seen(page)
    assert seen.open == []
    assert len(seen.ids) == len(set(seen.ids))
    assert {link.removeprefix("#") for link in seen.links} <= set(seen.ids)
    words = seen.words
    assert "that failed or are undecided and" in words
    assert "verdict.json has all" in words
    assert "traces are left out; spans.parquet has them" in words
    assert "more edges in policies.json" in words
    assert "These charts do not follow the pointer" in words
    assert "Left out to keep this file below 150 KB: " in words


def test_the_other_reports_of_the_largest_run_keep_their_size_too(largest: Report) -> None:
    """A job summary may have 1 MiB; a CI reads one test case for each check, however many there are."""
    assert len(markdown_report(largest).encode()) <= MARKDOWN_LIMIT_BYTES
    junit = junit_report(largest)
    assert 2 * CHECKS == len(list(ET.XML(junit).iter("testcase")))
    assert len(junit) < 10_000_000


@pytest.mark.parametrize("report", [passed, mixed])
def test_a_run_of_an_ordinary_size_leaves_nothing_out(report: object) -> None:
    """There is room to spare."""
    assert callable(report)
    page = html_page(report())
    assert len(page.encode()) <= LIMIT_BYTES - 30_000
    assert 'class="left"' not in page
    assert "Left out to keep" not in page


def test_what_failed_is_the_last_to_go() -> None:
    """Of what passed, of evidence and of traces some is left out before."""
    run = with_breaker(healthy())
    run.problems = ("x" * 5_000,) * 5
    failed = result("A16:s", Outcome.FAIL, evidence=[Evidence(kind="log", ref="y" * 3_000, text="z" * 3_000)] * 50)
    many = [result(f"A12:journey-{i}", reason="because " * 60) for i in range(400)]
    page = html_page(told(run, verdict(*many, failed)))
    assert len(page.encode()) <= LIMIT_BYTES
    words = Seen(page).words
    assert "The claim of A16:s" in words
    assert "Left out here: " in words
    assert "failed or are undecided" not in words.partition("Left out here: ")[2]


def test_each_step_shows_no_more_than_the_one_before() -> None:
    """So the first that fits is the one that shows most."""
    for more, less in itertools.pairwise(DETAILS):
        assert all(getattr(more, name) >= getattr(less, name) for name in more.__dataclass_fields__)


def test_nothing_is_left_out_in_silence(largest: Report) -> None:
    """Each part that is shortened has its note, and one that is whole has none."""
    _, missing = trimmed(largest, DETAILS[-1])
    assert {"banners", "reasons", "faults", "journeys", "phases", "objectives", "windows"} <= missing.keys()
    assert {"checks", "traces", "journal", "policies", "charts", "cursor"} <= missing.keys()
    assert {} == trimmed(passed(), DETAILS[0])[1]


@pytest.mark.parametrize("text", ["", "a" * 99, "&" * 99, "\N{GRINNING FACE}" * 99, "\u05d0" * 99, "a&" * 99])
def test_a_text_is_cut_by_characters_and_by_bytes(text: str) -> None:
    """Escaping cannot make a page larger than was meant."""
    cut = brief(text, 20)
    assert len(cut) <= 20
    assert len(cut.replace("&", "&amp;").encode()) <= 2 * 20 + 3
    assert cut == text or cut.endswith("…")
