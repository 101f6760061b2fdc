"""The page can be used with a keyboard, with a screen reader, and by those whom motion makes ill."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest

from tests.unit.reporting.reading import Seen
from tests.unit.reporting.runs import mixed, nothing, passed, told, verdict
from workbench.pages import inlined
from workbench.reporting.page import html_page
from workbench.reporting.report import Report

REPORTS: dict[str, Callable[[], Report]] = {
    "passed": passed,
    "mixed": mixed,
    "nothing": lambda: told(nothing(), verdict(exit_code=4)),
}


@pytest.fixture(scope="module", params=REPORTS)
def page(request: pytest.FixtureRequest) -> str:
    return html_page(REPORTS[request.param]())


def test_there_is_one_of_each_landmark_and_a_way_past_the_first(page: str) -> None:
    """Header, navigation, main and footer, and a link to the verdict before all of them."""
    for tag in ("header", "nav", "main", "footer"):
        assert len(re.findall(f"<{tag}[ >]", page)) == 1
    assert Seen(page).links[0] == "#verdict"


def test_headings_leave_out_no_level(page: str) -> None:
    """One h1; then parts; then parts of parts."""
    levels = [int(level) for level in re.findall(r"<h(\d)[ >]", page)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))


def test_every_section_has_a_name(page: str) -> None:
    """Its heading, or a label."""
    ids = set(Seen(page).ids)
    for attributes in re.findall(r"<section ([^>]*)>", page):
        label = re.search(r'aria-labelledby="([^"]+)"', attributes)
        assert "aria-label=" in attributes or (label is not None and label[1] in ids)


def test_every_head_of_a_table_says_what_it_heads(page: str) -> None:
    """Column, row, or a group of rows."""
    heads = re.findall(r"<th[ >][^>]*", page)
    assert heads
    assert all(re.search(r'scope="(col|row|rowgroup)"', head) for head in heads)


def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name(page: str) -> None:
    """Wide tables and the map."""
    for attributes in re.findall(r'<div class="(?:scroll|map)"([^>]*)>', page):
        assert 'tabindex="0"' in attributes
        assert "aria-label=" in attributes


def test_every_chart_says_in_words_what_it_shows() -> None:
    """Its series with their smallest and largest values; the drawing itself is silent."""
    page = html_page(passed())
    labels = re.findall(r'<div class="plot" role="img" aria-label="([^"]*)"', page)
    assert len(labels) == page.count("<figure") - 1  # the breakers are bars with words
    (checkout,) = [label for label in labels if label.startswith("Latency of checkout in ms: ")]
    assert re.search(r"p50 \d+ to \d+, p95 \d+ to [\d\u202f]+, service time p95 \d+ to ", checkout)
    assert all("All values are in the table below the charts." in label for label in labels)


def test_nothing_moves() -> None:
    """So there is nothing to reduce."""
    assert not re.search(r"animation|transition|@keyframes|scroll-behavior", inlined.style())


def test_the_focus_can_be_seen() -> None:
    """An outline, and nothing that takes it away."""
    style = inlined.style()
    assert ":focus-visible{outline:2px solid" in style
    assert not re.search(r"outline:\s*(none|0)[;}]", style)
