"""Every request carries the trace of its journey and the run id, and its row says which span it was."""

from __future__ import annotations

import pytest

from tests.integration.load.rig import Rig
from tests.integration.load.target import Target


@pytest.mark.parametrize("base", ["FastHttpUser", "HttpUser"])
def test_requests_and_rows_name_the_same_spans(rig: Rig, target: Target, base: str) -> None:
    """Both of Locust's clients send traceparent and baggage; all requests of a journey share one trace."""
    rig.run(
        f"""
        class Browse({base}):
            @task
            def look(self):
                self.client.get("/list", headers={{"x-own": "kept", "baggage": "theirs=1"}})
                self.client.post("/item", json={{"a": 1}}, name="item")
        """,
        [(0.0, 0), (0.1, 0)],
        "Browse",
    )

    assert 4 == len(rig.requests)
    for journey in rig.journeys:
        mine = [row for row in rig.requests if row["arrival"] == journey["arrival"]]
        assert {journey["trace_id"]} == {row["trace_id"] for row in mine}
        assert 2 == len({row["span_id"] for row in mine})
    sent = [headers["traceparent"] for path in ("/list", "/item") for headers in target.asked(path)]
    assert sorted(f"00-{row['trace_id']}-{row['span_id']}-01" for row in rig.requests) == sorted(sent)
    assert 2 == len({row["trace_id"] for row in rig.journeys})
    for headers in target.asked("/list"):
        assert ("kept", "theirs=1,workbench.run.id=run-1") == (headers["x-own"], headers["baggage"])
    assert ["workbench.run.id=run-1"] * 2 == [headers["baggage"] for headers in target.asked("/item")]
    assert {"/list", "item"} == {row["name"] for row in rig.requests}
    assert {200} == {row["status"] for row in rig.requests}
    for row in rig.requests:
        assert row["intended"] <= row["started"] <= row["ended"]


def test_work_in_greenlets_and_threads_belongs_to_its_journey(rig: Rig, target: Target) -> None:
    """What a journey starts on the side is told apart although journeys run at the same time."""
    rig.run(
        """
        import gevent, threading

        class Browse(FastHttpUser):
            @task
            def look(self):
                jobs = [gevent.spawn(self.client.get, "/sleep/50") for _ in range(3)]
                thread = threading.Thread(target=lambda: self.client.get("/thread"))
                thread.start()
                gevent.joinall(jobs)
                thread.join()
        """,
        [(0.0, 0)] * 5,
        "Browse",
    )

    for journey in rig.journeys:
        mine = [row for row in rig.requests if row["arrival"] == journey["arrival"]]
        assert 4 == len(mine)
        assert {journey["trace_id"]} == {row["trace_id"] for row in mine}


def test_a_client_of_any_kind_gets_rows_by_firing_the_request_event(rig: Rig) -> None:
    """A User class without HTTP client is a journey like any other."""
    rig.run(
        """
        import gevent

        class Custom(User):
            @task
            def work(self):
                with self.environment.events.request.measure("grpc", "Get"):
                    gevent.sleep(0.05)
                self.environment.events.request.fire(
                    request_type="grpc", name="Put", response_time=7.0, response_length=0,
                    exception=RuntimeError("no"), context=self.context())
        """,
        [(0.0, 0)],
        "Custom",
    )

    get, put = rig.requests
    assert ("Get", "ok", None, None) == (get["name"], get["outcome"], get["status"], get["span_id"])
    assert get["ended"] - get["started"] >= 50_000_000
    assert ("Put", "failed", "RuntimeError: no") == (put["name"], put["outcome"], put["error"])
    assert 7_000_000 == put["ended"] - put["started"]
    assert [("failed", "grpc Put: RuntimeError: no")] == rig.outcomes()


def test_positional_arguments_of_a_request_still_work(rig: Rig, target: Target) -> None:
    """Headers are added without getting in the way of name and headers given by position."""
    rig.run(
        """
        class Browse(FastHttpUser):
            @task
            def look(self):
                self.client.request("GET", "/page", "named", None, True, False, {"x-own": "kept"}).success
        """,
        [(0.0, 0)],
        "Browse",
    )

    (headers,) = target.asked("/page")
    assert "kept" == headers["x-own"]
    assert headers["traceparent"].startswith("00-")


def test_listeners_and_arguments_of_the_locustfile_work(rig: Rig) -> None:
    """init, test_start, request and test_stop listeners are called; own arguments have their defaults."""
    rig.run(
        """
        @events.init_command_line_parser.add_listener
        def _(parser):
            parser.add_argument("--colour", default="green")

        @events.init.add_listener
        def _(environment, **_):
            print("heard init", environment.urls["shop"])

        @events.test_start.add_listener
        def _(environment, **_):
            print("heard start", environment.parsed_options.colour)

        @events.request.add_listener
        def _(name, **_):
            print("heard request", name)

        @events.test_stop.add_listener
        def _(**_):
            print("heard stop")

        class Browse(FastHttpUser):
            @task
            def look(self):
                self.client.get("/page")
        """,
        [(0.0, 0)],
        "Browse",
    )

    heard = [line for line in rig.log.splitlines() if line.startswith("heard")]
    assert ["heard init http://127.0.0.1:1", "heard start green", "heard request /page", "heard stop"] == heard
