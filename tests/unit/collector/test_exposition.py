"""Prometheus text: the format in full the first time, by its text from then on."""

from __future__ import annotations

import math

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from workbench.collector import exposition
from workbench.collector.exposition import BadExposition, Exposition, Series


class Enrolled:
    """Gives numbers, and remembers how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, name: str, labels: dict[str, str]) -> Series:
        self.asked.append((name, labels))
        return Series(len(self.asked) - 1, name, labels, name.startswith("workbench_"))


def _read(text: str) -> list[tuple[str, dict[str, str], float]]:
    return [(series.name, series.labels, value) for series, value in Exposition(Enrolled()).read(text)]


@pytest.mark.parametrize(
    ("line", "name", "labels", "value"),
    [
        ("up 1", "up", {}, 1.0),
        ("calls_total 1.5e+06", "calls_total", {}, 1.5e6),
        ('a{b="c d",e="}f{"} 2', "a", {"b": "c d", "e": "}f{"}, 2.0),
        (r'a{b="x \"y\" \\ \n z"} 3', "a", {"b": 'x "y" \\ \n z'}, 3.0),
        ('a{b="1 2"} 4', "a", {"b": "1 2"}, 4.0),
        ("a +Inf", "a", {}, math.inf),
        ("a -Inf", "a", {}, -math.inf),
        ('h_bucket{le="+Inf"} 5', "h_bucket", {"le": "+Inf"}, 5.0),
        ("a 6 1700000000000", "a", {}, 6.0),
        ('a{b="c",} 7', "a", {"b": "c"}, 7.0),
        ("a\t8", "a", {}, 8.0),
        ('h_bucket{le="1.0"} 9 # {trace_id="4bf9"} 0.3 1700000000.123', "h_bucket", {"le": "1.0"}, 9.0),
        ('a_total 10 # {trace_id="4bf9"} 1', "a_total", {}, 10.0),
    ],
)
def test_a_line_is_understood_twice_alike(line: str, name: str, labels: dict[str, str], value: float) -> None:
    """The second reading of the same line takes the short way and has to come to the same."""
    page = Exposition(Enrolled())

    for _ in range(2):
        ((series, seen),) = page.read(f"# HELP {name} x\n# TYPE {name} untyped\n{line}\n\n")
        assert (name, labels, value) == (series.name, series.labels, seen)


def test_nan_is_a_value() -> None:
    """Missing is not NaN, and NaN is not an error."""
    page = Exposition(Enrolled())
    for _ in range(2):
        ((_, value),) = page.read("a NaN\n")
        assert math.isnan(value)


def test_a_series_is_enrolled_once_and_its_value_followed() -> None:
    """Scrapes of known series cost no parsing."""
    enrolled = Enrolled()
    page = Exposition(enrolled)

    values = [page.read(f'a{{b="c"}} {n}\n')[0][1] for n in range(5)]

    assert [0.0, 1.0, 2.0, 3.0, 4.0] == values
    assert [("a", {"b": "c"})] == enrolled.asked


def test_a_timestamp_is_never_taken_for_a_value() -> None:
    """`a 5 17` is the value 5 at time 17, in every scrape."""
    page = Exposition(Enrolled())

    assert [5.0, 6.0, 7.0] == [page.read(f"a {n} 170000000000{n}\n")[0][1] for n in (5, 6, 7)]
    assert [5.0, 5.0] == [page.read(f"a 5 {n}\n")[0][1] for n in (5, 6)]


@pytest.mark.parametrize("text", ["a", "a b", 'a{b="c} 1', "{} 1", "<html> 1", "a{b} 1", "é 1", "a 0x1F"])
def test_garbage_fails_the_whole_scrape(text: str) -> None:
    """Half a scrape would look like counters that vanished."""
    page = Exposition(Enrolled())
    with pytest.raises(BadExposition):
        page.read(f"good 1\n{text}\n")


def test_garbage_in_a_known_line_fails_the_scrape() -> None:
    """The short way is no less strict."""
    page = Exposition(Enrolled())
    page.read("a 1\n")
    with pytest.raises(BadExposition):
        page.read("a one\n")


def test_a_target_with_endless_series_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A label with request ids must not eat the memory."""
    monkeypatch.setattr(exposition, "MOST_SERIES", 10)
    page = Exposition(Enrolled())
    with pytest.raises(BadExposition, match="more than 10 series"):
        page.read("".join(f'a{{id="{n}"}} 1\n' for n in range(11)))


@given(st.text(max_size=60))
def test_whatever_comes_is_samples_or_a_bad_exposition(text: str) -> None:
    """No answer of a target can end the scraper."""
    page = Exposition(Enrolled())
    try:
        page.read(text)
    except BadExposition:
        return


@given(
    st.lists(
        st.tuples(st.text(max_size=20), st.floats(allow_nan=False)), min_size=1, max_size=8, unique_by=lambda p: p[0]
    )
)
def test_it_agrees_with_the_reference_parser(labelled: list[tuple[str, float]]) -> None:
    """Whatever prometheus_client exposes is read as prometheus_client's own parser reads it."""
    registry = prometheus_client.CollectorRegistry()
    gauge = prometheus_client.Gauge("g", "help", ["label"], registry=registry)
    for label, value in labelled:
        gauge.labels(label).set(value)
    text = prometheus_client.generate_latest(registry).decode()

    expected = [
        (sample.name, dict(sample.labels), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]

    assert expected == _read(text)
