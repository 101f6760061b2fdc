"""Arrivals come when they come, and their latency counts from then."""

from __future__ import annotations

from tests.integration.load.rig import Rig
from tests.integration.load.target import Target
from workbench.model.slo import Slo
from workbench.model.units import Duration, Ratio

ONE_GET = """
    class Browse(FastHttpUser):
        @task
        def look(self):
            self.client.get("/page")
"""


def test_every_arrival_becomes_one_journey_at_its_time(rig: Rig) -> None:
    """Rows hold the intended start of the schedule, and journeys never begin before it."""
    arrivals = [(i * 0.02, 0) for i in range(25)]
    rig.start(ONE_GET, arrivals, "Browse")
    zero = rig.begin()

    done = rig.load.wait_done(30)

    assert (25, 0, 50, 0) == (done.journeys, done.unfinished, done.rows, done.dropped)
    assert [zero + round(at * 1e9) for at, _ in arrivals] == [row["intended"] for row in rig.journeys]
    for row in rig.journeys:
        assert row["intended"] <= row["dispatched"] <= row["started"] <= row["ended"]
        assert ("ok", None) == (row["outcome"], row["error"])
    assert list(range(25)) == sorted(row["arrival"] for row in rig.requests)


def test_waiting_for_a_user_counts_and_is_not_generator_lag(rig: Rig) -> None:
    """With one user and answers of 100 ms, the fifth of five simultaneous arrivals takes 500 ms."""
    slow = """
        class Browse(FastHttpUser):
            @task
            def look(self):
                self.client.get("/sleep/100")
    """
    rig.run(slow, [(0.1, 0)] * 5, "Browse", max_users=1)

    took_ms = sorted((row["ended"] - row["intended"]) / 1e6 for row in rig.journeys)
    for position, ms in enumerate(took_ms, start=1):
        assert ms >= 100 * position
    first_over = min(row["ended"] for row in rig.journeys)
    assert all(row["dispatched"] < first_over for row in rig.journeys)


def test_journeys_run_side_by_side_as_long_as_there_are_users(rig: Rig) -> None:
    """Ten arrivals at once do not wait for each other: none is answered before all ten have asked."""
    slow = """
        class Browse(FastHttpUser):
            network_timeout = 60
            @task
            def look(self):
                self.client.get("/together/10")
    """
    rig.run(slow, [(0.1, 0)] * 10, "Browse", max_users=10, drain_s=40.0)

    assert [("ok", None)] * 10 == rig.outcomes()
    starts, ends = [row["started"] for row in rig.journeys], [row["ended"] for row in rig.journeys]
    assert max(starts) < min(ends)


def test_a_free_user_of_another_journey_makes_room(rig: Rig) -> None:
    """A journey is not starved because users of another one have taken all places."""
    two = """
        class Browse(FastHttpUser):
            @task
            def look(self):
                self.client.get("/browse")

        class Checkout(FastHttpUser):
            @task
            def buy(self):
                self.client.get("/checkout")
    """
    done = rig.run(two, [(0.0, 0), (0.5, 1)], "Browse", "Checkout", max_users=1)

    assert (2, 0) == (done.journeys, done.unfinished)
    assert [("ok", None)] * 2 == rig.outcomes()


def test_the_oldest_arrival_is_served_even_where_other_users_are_busy(rig: Rig) -> None:
    """With one place and two journeys in the queue, both are served before the drain ends."""
    two = """
        class Browse(FastHttpUser):
            @task
            def look(self):
                self.client.get("/sleep/30")

        class Checkout(FastHttpUser):
            @task
            def buy(self):
                self.client.get("/sleep/30")
    """
    done = rig.run(two, [(0.0, 0)] * 8 + [(0.001, 1)] * 2, "Browse", "Checkout", max_users=1)

    assert (10, 0) == (done.journeys, done.unfinished)


def test_progress_counts_journeys_and_objectives(rig: Rig, target: Target) -> None:
    """Totals, outcomes, SLIs and quantiles are told while the load goes on."""
    quick = Slo(
        name="quick", title="", journey="Browse", outcomes=("ok",), under=Duration.parse("10s"), target=Ratio(0.9)
    )
    hasty = Slo(
        name="hasty", title="", journey="Browse", outcomes=("ok",), under=Duration.parse("1ns"), target=Ratio(0.9)
    )
    rig.start(ONE_GET, [(i * 0.01, 0) for i in range(100)] + [(30.0, 0)], "Browse", slis=[quick, hasty])
    rig.begin()
    rig.wait_for("100 journeys are told", lambda: (p := rig.load.progress()) is not None and p.finished == 100)

    progress = rig.load.progress()

    assert progress is not None
    assert (100, 100, 0, 0) == (progress.planned, progress.dispatched, progress.in_flight, progress.queued)
    assert {"ok": 100, "degraded": 0, "failed": 0, "indeterminate": 0} == progress.outcomes
    assert {"Browse": progress.outcomes} == progress.journeys
    assert {"quick": (100, 100), "hasty": (0, 100)} == progress.slis
    assert progress.p95_ns is not None
    assert progress.p95_ns > 0
    assert progress.lag_p99_ns is not None
    assert progress.rows_error is None
    done = rig.load.stop(10)
    assert done is not None
    assert 100 == done.journeys
