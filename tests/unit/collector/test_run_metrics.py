"""What the collector tells scrapers of a run."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from workbench.collector.run_metrics import RunMetrics
from workbench.collector.wire import RunNow, SliCount


def read(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_everything_is_there_at_zero_before_anything_is_counted() -> None:
    metrics = RunMetrics()
    metrics.now(RunNow(slis={"a": SliCount(good=0, total=0)}, faults={"slow": "orders:payments"}))
    assert {
        ("workbench_sli_events_total", ("a",)): 0,
        ("workbench_sli_good_total", ("a",)): 0,
        ("workbench_fault_active", ("slow", "orders:payments")): 0,
        ("workbench_spans_not_forwarded_total", ()): 0,
    } == read(metrics.render(0))


def test_the_latest_state_counts() -> None:
    metrics = RunMetrics()
    for on, total in ((["slow"], 7), ([], 9)):
        metrics.now(RunNow(slis={"a": SliCount(good=5, total=total)}, faults={"slow": "orders:payments"}, on=on))
        seen = read(metrics.render(3))
        assert total == seen["workbench_sli_events_total", ("a",)]
        assert len(on) == seen["workbench_fault_active", ("slow", "orders:payments")]
        assert 3 == seen["workbench_spans_not_forwarded_total", ()]


def test_without_a_run_it_says_nothing_of_one() -> None:
    assert {("workbench_spans_not_forwarded_total", ()): 0} == read(RunMetrics().render(0))
