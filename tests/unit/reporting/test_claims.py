"""Check results in groups, and their bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.reporting.runs import ONE_OF_EACH, healthy, result, validity, verdict
from workbench.model.verdict import CheckClass, Limit, NoData, Outcome, Value, Window
from workbench.reporting.claims import gauge, group_of, grouped


def test_results_are_grouped_in_the_order_in_which_they_matter() -> None:
    """Every result is in exactly one group; an unknown kind is an expectation."""
    checks = [
        result("A24", kind="clean"),
        result("A18:order", kind="no_lost_orders"),
        result("X1", kind="something_new"),
        result("A16:s", kind="slo"),
        result("A1:s@baseline", kind="steady_state"),
        validity("V1"),
    ]
    groups = grouped(verdict(*checks), healthy().build())
    assert [g.name for g in groups] == [
        "validity",
        "steady state",
        "objectives",
        "expectations",
        "integrity",
        "clean",
    ]
    assert sum(len(g.claims) for g in groups) == len(checks)


def test_a_validity_check_is_one_by_its_class() -> None:
    """The fault check has a kind of its own, and belongs to the experiment."""
    assert group_of(result("A2:f", kind="fault_effective", check_class=CheckClass.VALIDITY)) == "validity"


def test_the_bar_shows_the_good_side_of_the_limit() -> None:
    """A share above its limit lies right of it, a time below its limit left of it."""
    share = gauge(result("A16:s"))
    assert share is not None
    assert share.at_least
    assert share.limit < share.low < share.observed < share.high
    seconds = Limit(comparison="at_most", number=5e9, unit="ns")
    time = gauge(result("A6:e", observed=Value(number=1e9, unit="ns"), limit=seconds, interval=(5e8, 1e9)))
    assert time is not None
    assert not time.at_least
    assert time.low < time.observed < time.limit


def test_nothing_is_drawn_where_there_is_nothing_to_compare() -> None:
    """No limit, no value, or a limit of none at all."""
    none_allowed = Limit(comparison="at_most", number=0, unit="count")
    assert gauge(result("A", limit=None)) is None
    assert gauge(result("A", observed=NoData(reason="nothing"))) is None
    assert gauge(result("A", observed=Value(number=0, unit="count"), limit=none_allowed)) is None


@given(
    st.floats(0, 1e12),
    st.floats(0.001, 1e12),
    st.floats(0, 1e12),
    st.sampled_from(["at_least", "at_most"]),
    st.sampled_from(["ns", "ratio", "count", "per_call"]),
)
def test_a_bar_never_leaves_its_frame(value: float, limit: float, spread: float, comparison: str, unit: str) -> None:
    """Whatever was observed, everything drawn lies between 0 and 100, in order."""
    drawn = gauge(
        result(
            "A",
            observed=Value(number=value, unit=unit),
            limit=Limit(comparison=comparison, number=limit, unit=unit),
            interval=(max(0.0, value - spread), value + spread),
        )
    )
    assert drawn is not None
    assert 0 <= drawn.low <= drawn.observed <= drawn.high <= 100
    assert 0 <= drawn.limit <= 100


def test_only_what_is_undecided_says_how_many_would_decide() -> None:
    """A decided claim needs no more samples."""
    groups = grouped(verdict(*ONE_OF_EACH), healthy().build())
    samples = {c.result.id: c.samples for g in groups for c in g.claims}
    assert samples["A12:checkout"] == "n 7, 290 would decide"
    assert samples["A12:checkout/edge"] == "n 119"
    assert samples["A13:browse/p95"] == ""


@pytest.mark.parametrize(
    ("windows", "text"),
    [
        ([], ""),
        ([Window(phase="fault", start_ns=30_000_000_000, end_ns=40_000_000_000)], "fault, 30.0 s to 40.0 s"),
        (
            [
                Window(phase="warmup", start_ns=0, end_ns=3_000_000_000),
                Window(phase="recovery", start_ns=43_100_000_000, end_ns=63_100_000_000),
            ],
            "warmup to recovery, 0.0 s to 63.1 s",
        ),
    ],
)
def test_the_stretch_that_was_looked_at_is_named(windows: list[Window], text: str) -> None:
    """A whole phase by its name, anything else with its times."""
    (group,) = grouped(verdict(result("A16:s", Outcome.PASS, windows=windows)), healthy().build())
    assert group.claims[0].window == text
