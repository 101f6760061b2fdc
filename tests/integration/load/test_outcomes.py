"""What a journey came to: said by the journey itself, or derived from what happened in it."""

from __future__ import annotations

import json

import pytest

from tests.integration.load.rig import Rig

CASES: list[tuple[str, str, str | None]] = [
    ('self.client.get("/page")', "ok", None),
    ('self.client.get("/status/503")', "failed", "GET /status/503: HTTP 503"),
    ('self.client.get("/status/503"); self.outcome = "degraded"', "degraded", "GET /status/503: HTTP 503"),
    ('self.client.get("/page"); self.outcome = "failed"', "failed", None),
    ('raise ValueError("bad\\nline")', "failed", "ValueError: bad line"),
    ('self.outcome = "ok"; raise ValueError("late")', "failed", "ValueError: late"),
    ('self.outcome = "indeterminate"; raise ValueError("late")', "indeterminate", "ValueError: late"),
    ('self.outcome = "great"', "failed", "outcome 'great' is none of ok, degraded, failed, indeterminate"),
    ("import sys; sys.exit(3)", "failed", "SystemExit: 3"),
    ("import gevent; raise gevent.Timeout(1)", "indeterminate", "timeout"),
    ("import gevent; gevent.getcurrent().kill()", "failed", "GreenletExit"),
    ("pass", "ok", None),
]


def test_outcome_of_a_journey(rig: Rig) -> None:
    """The child goes on whatever a journey does, and its row says what it came to."""
    classes = "".join(
        f"\nclass J{number}(FastHttpUser):\n    @task\n    def go(self):\n        {body}\n"
        for number, (body, _, _) in enumerate(CASES)
    )
    numbers = range(len(CASES))
    rig.run(classes, [(0.0, n) for n in numbers] + [(0.3, n) for n in numbers], *(f"J{n}" for n in numbers))

    assert [(outcome, error) for _, outcome, error in CASES] * 2 == rig.outcomes()


@pytest.mark.parametrize("base", ["FastHttpUser", "HttpUser"])
def test_no_answer_in_doubt(rig: Rig, base: str) -> None:
    """After a timeout, or when the answer to a change was lost, the user cannot know; a lost read has just failed."""
    rig.run(
        f"""
        class Reader({base}):
            network_timeout = 0.3
            @task
            def look(self):
                self.client.get("/hang", **({{}} if {base} is FastHttpUser else {{"timeout": 0.3}}))

        class Writer({base}):
            @task
            def buy(self):
                self.client.post("/reset")

        class Lost({base}):
            @task
            def look(self):
                self.client.get("/reset")

        class Refused({base}):
            @task
            def look(self):
                self.client.post("http://127.0.0.1:1/")

        class Careful({base}):
            @task
            def buy(self):
                with self.client.post("/reset", catch_response=True) as response:
                    response.failure("no answer")
        """,
        [(0.0, number) for number in range(5)],
        "Reader",
        "Writer",
        "Lost",
        "Refused",
        "Careful",
    )

    by_journey = {row["journey"]: row for row in rig.journeys}
    assert {
        "Reader": "indeterminate",
        "Writer": "indeterminate",
        "Lost": "failed",
        "Refused": "failed",
        "Careful": "indeterminate",
    } == {name: row["outcome"] for name, row in by_journey.items()}
    assert "GET /hang: timeout" == by_journey["Reader"]["error"]
    assert "POST /reset: no answer" == by_journey["Careful"]["error"]
    assert "ConnectionRefusedError" in by_journey["Refused"]["error"]
    assert {None} == {row["status"] for row in rig.requests}


def test_a_promise_is_kept_as_json_and_does_not_leak_into_the_next_journey(rig: Rig) -> None:
    """`ack` and `outcome` are reset before each journey of the same user."""
    rig.run(
        """
        class Checkout(FastHttpUser):
            done = 0
            @task
            def buy(self):
                if not self.done:
                    self.outcome = "degraded"
                    self.ack = {"id": "7", "key": "k,\\n\\"1\\"", "state": "queued"}
                self.done += 1
        """,
        [(0.0, 0), (0.2, 0)],
        "Checkout",
        max_users=1,
    )

    first, second = rig.journeys
    assert {"id": "7", "key": 'k,\n"1"', "state": "queued"} == json.loads(first["ack"])
    assert (None, "ok") == (second["ack"], second["outcome"])


def test_the_first_distinct_exceptions_are_shown_with_their_line(rig: Rig) -> None:
    """A hundred times the same exception is one line of the log."""
    rig.run(
        """
        class Browse(FastHttpUser):
            @task
            def look(self):
                self.nothing
        """,
        [(i * 0.002, 0) for i in range(100)],
        "Browse",
    )

    lines = [line for line in rig.log.splitlines() if "AttributeError" in line]
    assert 1 == len(lines)
    assert lines[0].endswith("(locustfile.py:6)")


def test_requests_of_http_users_without_a_timeout_get_one(rig: Rig) -> None:
    """A server that hangs cannot hold a user for ever; what the class sets itself stays."""
    rig.run(
        """
        class Plain(FastHttpUser):
            @task
            def look(self):
                print("timeouts", self.network_timeout, self.connection_timeout)

        class Own(FastHttpUser):
            network_timeout = 60.0
            @task
            def look(self):
                print("timeouts", self.network_timeout, self.connection_timeout)
        """,
        [(0.0, 0), (0.3, 1)],
        "Plain",
        "Own",
    )

    assert ["timeouts 10.0 10.0", "timeouts 60.0 10.0"] == [
        line for line in rig.log.splitlines() if line.startswith("timeouts")
    ]
