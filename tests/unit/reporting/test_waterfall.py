"""Which journeys are shown, and what their waterfalls hold."""

from __future__ import annotations

from dataclasses import replace

from tests.history_builder import HistoryBuilder, JourneyRow, ns
from tests.unit.reporting.runs import EDGE, FAULT, healthy, nothing
from workbench.reporting.chosen_traces import Chosen, chosen_traces
from workbench.reporting.waterfall import Bar, Waterfall, most_telling, waterfalls


def shown(run: HistoryBuilder) -> list[Waterfall]:
    history = run.build()
    return waterfalls(history, chosen_traces(history))


def why(run: HistoryBuilder) -> list[str]:
    return [chosen.why for chosen in chosen_traces(run.build())]


def one(run: HistoryBuilder, journey: JourneyRow) -> Waterfall:
    assert journey.trace_id is not None
    chosen = Chosen("", "checkout", "fault", "ok", None, journey.trace_id, journey.intended, journey.started, 0)
    (found,) = waterfalls(run.build(), [replace(chosen, ended_ns=journey.ended)])
    return found


def names(found: Waterfall) -> list[tuple[int, str]]:
    return [(bar.depth, bar.name) for bar in found.bars]


def test_the_slowest_one_degraded_and_one_of_baseline_are_shown() -> None:
    """Nothing failed in this run, so nothing is shown as failed."""
    run = healthy()
    assert why(run) == ["slowest", "slowest, no. 2", "slowest, no. 3", "typical of degraded", "typical of baseline"]
    slowest = chosen_traces(run.build())[0]
    assert slowest.journey == "checkout"
    assert slowest.ended_ns - slowest.intended_ns == ns(1.11)


def test_failed_journeys_are_shown_one_of_each_kind_first() -> None:
    """Three times the same failure tells less than three failures."""
    run = healthy()
    fast = [journey for journey in run.in_phase("fault", "checkout") if journey.ended - journey.intended < ns(0.5)]
    for journey, error in zip(fast, ["a", "a", "a", "b", "c"], strict=False):
        journey.outcome, journey.error = "failed", error
    assert [c.error for c in chosen_traces(run.build()) if c.why == "failed"] == ["a", "b", "c"]


def test_no_journey_is_shown_twice() -> None:
    """A failed one may be among the slowest."""
    run = healthy()
    for journey in run.in_phase("fault", "checkout"):
        journey.outcome = "failed"
    ids = [chosen.trace_id for chosen in chosen_traces(run.build())]
    assert len(ids) == len(set(ids)) == 7


def test_a_run_without_journeys_shows_none() -> None:
    """And is no error."""
    assert shown(nothing()) == []


def test_attempts_carry_their_number_their_outcome_and_the_fault_that_hit_them() -> None:
    """The slowest checkout tried twice, was hit twice, and was answered by the fallback."""
    found = shown(healthy())[0]
    tried = [(bar.attempt, bar.outcome, bar.faults, bar.delay_ns) for bar in found.bars if bar.faults]
    assert tried == [(1, "timeout", FAULT, ns(0.8)), (2, "timeout", FAULT, ns(0.8))]
    assert (found.attempts, found.hits) == (3, 2)
    assert [bar.fallback for bar in found.bars if bar.fallback] == ["queue"]


def test_a_call_whose_one_attempt_went_well_is_one_line() -> None:
    """A call that failed keeps its line, with its attempts below it."""
    found = shown(healthy())[0]
    calls = [bar.name for bar in found.bars if bar.name == "call"]
    assert len(calls) == 1  # orders:payments, which timed out; front:orders went well
    (call,) = [bar for bar in found.bars if bar.name == "call"]
    assert [bar.depth for bar in found.bars if bar.faults] == [call.depth + 1] * 2


def test_requests_of_the_load_are_the_roots() -> None:
    """The load sends no spans; the spans below a request name it as their parent."""
    run = healthy()
    journey = run.journey("checkout", 30.001, 0.1)
    request = replace(journey, kind="request", name="POST /orders", span_id=run.id(), status=201)
    run.journeys.append(request)
    assert journey.trace_id is not None
    run.span(journey.trace_id, request.span_id, "front", 30.01, 0.05, name="handle")
    assert names(one(run, journey)) == [(0, "checkout"), (1, "POST /orders"), (2, "handle")]


def test_a_span_whose_parent_is_missing_hangs_below_the_journey() -> None:
    """A lost span does not take its children with it; a span that is its own parent does no harm."""
    run = healthy()
    journey = run.journey("checkout", 30.001, 0.1)
    assert journey.trace_id is not None
    run.span(journey.trace_id, "feedfeedfeedfeed", "orders", 30.01, 0.05, name="orphan")
    own = run.span(journey.trace_id, None, "orders", 30.02, 0.05, name="own parent")
    run.spans[-1].parent_span_id = own
    assert names(one(run, journey)) == [(0, "checkout"), (1, "orphan"), (1, "own parent")]


def test_an_attempt_that_left_no_span_is_shown_as_the_plane_saw_it() -> None:
    """Systems without spans of their own still show what happened on the edges."""
    run = healthy()
    journey = run.journey("checkout", 30.001, 0.6)
    run.plane_row(EDGE, 30.01, 0.5, trace_id=journey.trace_id, fault=FAULT, end_reason="client_gone", status=None)
    bar = one(run, journey).bars[1]
    assert (bar.service, bar.name, bar.outcome, bar.faults) == ("fault plane", EDGE, "client_gone", FAULT)
    assert bar.bad


def test_an_altered_answer_arrived_with_its_status() -> None:
    run = healthy()
    journey = run.journey("checkout", 30.001, 0.6)
    run.plane_row(EDGE, 30.01, 0.5, trace_id=journey.trace_id, fault=FAULT, end_reason="altered", status=200)
    bar = one(run, journey).bars[1]
    assert (bar.outcome, bar.bad) == ("200", False)


def test_work_that_began_after_the_journey_is_counted_and_not_drawn() -> None:
    """Queued work belongs to the trace, and would squeeze everything else."""
    run = healthy()
    journey = run.journey("checkout", 30.001, 0.1)
    assert journey.trace_id is not None
    run.span(journey.trace_id, None, "worker", 40, 1, name="later")
    found = one(run, journey)
    assert (found.later, names(found)) == (1, [(0, "checkout")])


def test_bars_stay_in_their_frame() -> None:
    """Also work that began in the journey and went on long after it."""
    run = healthy()
    journey = run.journey("checkout", 30.001, 0.1)
    assert journey.trace_id is not None
    run.span(journey.trace_id, None, "orders", 30.05, 90, name="long")
    for bar in one(run, journey).bars:
        assert 0 <= bar.left <= bar.left + bar.width <= 100.1


def bar(id_: str, parent: str | None, lasts: int, **fields: object) -> Bar:
    return Bar(id_, parent, "service", id_, 0, lasts, **({"bad": False} | fields))  # type: ignore[arg-type]


def test_of_many_lines_those_that_tell_something_stay_with_what_is_above_them() -> None:
    """What failed is kept although it was short, and so is the way to it."""
    bars = [
        bar("", None, 100),
        bar("a", None, 90),
        bar("b", "a", 3),
        bar("failed", "b", 2, bad=True),
        bar("long", "a", 80),
        bar("short", "a", 1),
    ]
    assert [b.id for b in most_telling(bars, 5)] == ["", "a", "b", "failed", "long"]
    assert most_telling(bars, 6) == bars


def test_parents_that_name_each_other_do_not_hang_the_report() -> None:
    """Broken input, but input."""
    bars = [bar("", None, 9), bar("a", "b", 5, bad=True), bar("b", "a", 5), bar("c", None, 1)]
    assert len(most_telling(bars, 3)) <= 3
