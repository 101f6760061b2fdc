"""Metrics of every service, each second, whatever the others do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.integration.collector.exposer import Exposer
from tests.integration.collector.rig import Rig
from workbench.adapters.native.services import breakers

Expose = Callable[[str], Exposer]

PAGE = (
    '# HELP calls_total Calls\n# TYPE calls_total counter\ncalls_total{edge="a:b",text="x } \\"y\\" z"} 3.0\n'
    "odd NaN\nhuge +Inf\n"
    'workbench_breaker_state{edge="a:b"} 2.0\nworkbench_broken NaN\n'
)


def test_the_terminal_shows_breakers_as_they_were_at_the_last_scrape(rig: Rig, expose: Expose) -> None:
    """Of all services, by edge; one that says nothing of breakers has none."""
    assert {} == breakers(rig.client)
    rig.client.set_targets({"orders": expose(PAGE).url, "payments": expose("other 1\n").url})
    rig.wait_for("a scrape", lambda: breakers(rig.client) != {})
    assert {"a:b": "open"} == breakers(rig.client)
    rig.end()
    assert {} == breakers(rig.client)


def test_every_sample_of_every_scrape_is_kept(rig: Rig, expose: Expose) -> None:
    """With labels as they are, and with `up` and the duration of the scrape."""
    orders, payments = expose(PAGE), expose("other 1\n")
    rig.client.set_targets({"orders": orders.url, "payments": payments.url})
    started = rig.client.start_recording(rig.raw, "run-1")
    rig.wait_for("three scrapes of each", lambda: min(rig.ups(of).count("1.0") for of in ("orders", "payments")) >= 3)
    end = rig.client.stop_recording()

    samples = rig.samples()
    assert {"edge": "a:b", "text": 'x } "y" z'} in [
        labels for _, _, name, labels, _ in samples if name == "calls_total"
    ]
    found = {"orders": {"calls_total": "3.0", "odd": "nan", "huge": "inf"}, "payments": {"other": "1.0"}}
    for service, values in found.items():
        answered = rig.values(service, "up").count("1.0")
        for name, value in values.items():
            assert [value] * answered == rig.values(service, name)
    assert all(float(value) > 0 for value in rig.values("orders", "scrape_duration_seconds"))
    assert all(started.monotonic_ns <= at <= end.clock.monotonic_ns for at, *_ in samples)
    assert len(samples) == end.rows["metric_points"]
    assert {"spans": 0, "series": 0, "metric_points": 0, "processes": 0} == end.dropped


def test_duckdb_reads_what_was_written(rig: Rig, expose: Expose) -> None:
    """Values that are not finite survive the way into Parquet."""
    rig.client.set_targets({"orders": expose(PAGE).url})
    rig.client.start_recording(rig.raw, "run-1")
    rig.wait_for("a scrape", lambda: "1.0" in rig.ups("orders"))
    rig.client.stop_recording()

    rows = (
        duckdb.connect()
        .execute(
            f"SELECT name, max(value) FROM read_csv('{rig.raw}/metric_points.csv', header=false,"
            " columns={'time': 'BIGINT', 'series': 'BIGINT', 'value': 'DOUBLE'}) JOIN"
            f" read_csv('{rig.raw}/series.csv', header=false,"
            " columns={'series': 'BIGINT', 'service': 'VARCHAR', 'name': 'VARCHAR', 'labels': 'VARCHAR'})"
            " USING (series) WHERE name IN ('odd', 'huge', 'up') GROUP BY 1"
        )
        .fetchall()
    )

    assert {"huge": "inf", "odd": "nan", "up": "1.0"} == {name: str(value) for name, value in rows}


def test_a_target_that_hangs_or_is_gone_delays_no_other(rig: Rig, expose: Expose) -> None:
    """Its `up` is 0, and the others are scraped while it is waited for."""
    good, hanging = expose("good 1\n"), expose("bad 1\n")
    hanging.hanging.set()
    rig.client.set_targets({"hanging": hanging.url, "gone": "http://127.0.0.1:1/metrics", "good": good.url})
    rig.client.start_recording(rig.raw, "run-1")

    def meanwhile() -> list[int]:
        """Return when the good one had answered while an answer of the hanging one was waited for."""
        rig.client.recording()
        samples = rig.samples()
        waited = [
            (at - float(value) * 1e9, at)
            for at, service, name, _, value in samples
            if (service, name) == ("hanging", "scrape_duration_seconds")
        ]
        answered = [at for at, service, name, _, value in samples if (service, name, value) == ("good", "up", "1.0")]
        return [at for at in answered if any(began < at < ended for began, ended in waited)]

    rig.wait_for("the good one was scraped four times meanwhile", lambda: len(meanwhile()) >= 4)
    rig.client.stop_recording()

    assert {"0.0"} == set(rig.values("hanging", "up")) == set(rig.values("gone", "up"))


def test_a_target_that_comes_back_is_up_again(rig: Rig, expose: Expose) -> None:
    """A refused status and text that is not metrics are both `up` 0, without samples."""
    service = expose("good 1\n")
    rig.client.set_targets({"orders": service.url})
    rig.client.start_recording(rig.raw, "run-1")

    rig.wait_for("it is up", lambda: "1.0" in rig.ups("orders"))
    service.status = 500
    rig.wait_for("it is down", lambda: "0.0" in rig.ups("orders"))
    service.status, service.text = 200, "good 1\n<html>\n"
    scrapes = service.scrapes
    rig.wait_for("it was scraped twice", lambda: service.scrapes >= scrapes + 2)
    assert "0.0" == rig.ups("orders")[-1]
    service.text = "good 2\n"
    rig.wait_for("it is up again", lambda: rig.ups("orders")[-1] == "1.0")
    rig.client.stop_recording()

    assert len(rig.values("orders", "good")) == rig.values("orders", "up").count("1.0")


def test_live_shows_the_latest_finite_values_of_workbench_metrics(rig: Rig, expose: Expose) -> None:
    """Also while nothing is recorded."""
    service = expose(PAGE)
    rig.client.set_targets({"orders": service.url})
    rig.wait_for("a value is live", lambda: bool(rig.client.live()))

    (sample,) = rig.client.live()
    assert ("orders", "workbench_breaker_state", {"edge": "a:b"}, 2.0) == (
        sample.service,
        sample.name,
        sample.labels,
        sample.value,
    )
    service.text = PAGE.replace("} 2.0", "} 0.0")
    rig.wait_for("the value has changed", lambda: rig.client.live()[0].value == 0.0)
    assert rig.client.live()[0].at_ns > sample.at_ns


def test_two_recordings_after_each_other_are_whole_each(rig: Rig, expose: Expose, tmp_path: Path) -> None:
    """The second one numbers and describes its series itself."""
    rig.client.set_targets({"orders": expose("good 1\n").url})
    for number in (1, 2):
        rig.raw = tmp_path / f"raw{number}"
        rig.raw.mkdir()
        rig.client.start_recording(rig.raw, f"run-{number}")
        rig.wait_for("a scrape", lambda: "1.0" in rig.ups("orders"))
        rig.client.stop_recording()

        assert ["0", "1", "2"] == [row[0] for row in rig.rows("series")]
        assert {"1.0"} == set(rig.values("orders", "good"))


def test_labels_are_masked(rig: Rig, expose: Expose) -> None:
    """Declared patterns count for metrics as for everything else."""
    rig.client.set_targets({"orders": expose('paid_total{card="4111111111111111"} 1\n').url}, masks=[r"\d{16}"])
    rig.client.start_recording(rig.raw, "run-1")
    rig.wait_for("a scrape", lambda: "1.0" in rig.ups("orders"))
    rig.client.stop_recording()

    assert {"card": "[masked]"} in [json.loads(row[3]) for row in rig.rows("series")]
    assert "4111" not in (rig.raw / "series.csv").read_text()


def test_a_recording_ends_with_a_scrape_of_everybody(rig: Rig, expose: Expose) -> None:
    """Wherever in its beat the scraping was: what happened last is in it."""
    orders, payments = expose(PAGE), expose("other 1\n")
    rig.client.set_targets({"orders": orders.url, "payments": payments.url})
    rig.client.start_recording(rig.raw, "run-1")
    rig.wait_for("a scrape of each", lambda: min(orders.scrapes, payments.scrapes) >= 1)
    told = rig.client.health().monotonic_ns
    rig.client.stop_recording()
    after = {service for at, service, name, _, value in rig.samples() if at > told and (name, value) == ("up", "1.0")}
    assert {"orders", "payments"} == after
