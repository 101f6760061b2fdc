"""How a load child begins and ends: asked to, left alone, or with something broken."""

from __future__ import annotations

import signal
import textwrap
import time

import pytest

from tests.integration.load.rig import DEADLINE_S, Rig
from tests.integration.load.target import Target
from workbench.adapters import locust_load
from workbench.errors import HarnessError, InvalidInput

SLOW = """
    class Browse(FastHttpUser):
        network_timeout = 60
        @task
        def look(self):
            self.client.get("/hang")
"""
FAST = """
    class Browse(FastHttpUser):
        def on_start(self):
            self.client.get("/login")
        @task
        def look(self):
            self.client.get("/page")
"""


def test_the_probe_runs_before_the_start_and_writes_no_rows(rig: Rig, target: Target) -> None:
    """Its journeys are told, not kept; on_start of users made ahead of time is kept under arrival -1."""
    probed = rig.start(FAST, [(0.0, 0)], "Browse", probe_journeys=7)
    rig.begin()
    rig.load.wait_done(DEADLINE_S)

    assert (7, 0, None) == (probed.journeys, probed.failed, probed.first_error)
    assert 7 + 7 + 1 == len(target.asked("/page"))  # to warm up, to be measured, the arrival
    assert 1 == len(rig.journeys)
    setups = [row for row in rig.requests if row["name"] == "/login"]
    assert setups
    assert {-1} == {row["arrival"] for row in setups}


def test_a_failing_probe_is_told_with_its_first_error(rig: Rig) -> None:
    """The runner can say what is wrong before a minute of load."""
    probed = rig.start(
        """
        class Browse(FastHttpUser):
            @task
            def look(self):
                self.client.get("/status/500")
        """,
        [(0.0, 0)],
        "Browse",
        probe_journeys=3,
    )

    assert (3, 3, "Browse: GET /status/500: HTTP 500") == (probed.journeys, probed.failed, probed.first_error)


def test_stop_lets_journeys_finish(rig: Rig) -> None:
    """Arrivals end with the signal; what is in flight ends on its own."""
    rig.start(
        """
        class Browse(FastHttpUser):
            @task
            def look(self):
                self.client.get("/sleep/500")
        """,
        [(i * 0.05, 0) for i in range(1000)],
        "Browse",
    )
    rig.begin()
    rig.wait_for("journeys are in flight", lambda: (p := rig.load.progress()) is not None and p.in_flight > 3)

    done = rig.load.stop(20)

    assert done is not None
    assert 0 == done.unfinished
    assert 0 < done.journeys < 500
    assert {("ok", None)} == set(rig.outcomes())
    assert done.journeys == len(rig.journeys)
    assert 0 == rig.load.exit_status


def test_journeys_that_outlive_the_drain_are_unfinished(rig: Rig) -> None:
    """They are indeterminate, and so are those that still waited for a user."""
    done = rig.run(SLOW, [(0.0, 0), (0.1, 0), (0.2, 0)], "Browse", max_users=2, drain_s=0.5)

    assert (3, 3) == (done.journeys, done.unfinished)
    assert [("indeterminate", "unfinished")] * 3 == rig.outcomes()


def test_stop_with_little_time_cuts_and_still_writes_everything(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted run has no time for a long drain."""
    monkeypatch.setattr(locust_load, "CUT_S", 10.0)
    rig.start(SLOW, [(i * 0.01, 0) for i in range(20)] + [(60.0, 0)], "Browse", drain_s=60.0)
    rig.begin()
    rig.wait_for("all are in flight", lambda: (p := rig.load.progress()) is not None and p.in_flight == 20)

    done = rig.load.stop(20.0)

    assert done is not None
    assert (20, 20) == (done.journeys, done.unfinished)
    assert [("indeterminate", "unfinished")] * 20 == rig.outcomes()


def test_stop_before_the_start_ends_with_nothing_to_tell(rig: Rig) -> None:
    """A run that is interrupted while it prepares leaves no child behind."""
    rig.start(FAST, [(0.0, 0)], "Browse")
    rig.load.wait_ready(DEADLINE_S)

    done = rig.load.stop(10)

    assert done is not None
    assert (0, 0) == (done.journeys, done.unfinished)
    assert not rig.load.alive


def test_sigint_is_left_to_the_runner(rig: Rig) -> None:
    """Ctrl-C reaches the child as well; it goes on until it is told to stop."""
    rig.start(FAST, [(0.0, 0), (1.0, 0)], "Browse")
    rig.begin()
    assert rig.load.alive
    process = rig.load._process
    assert process is not None
    process.send_signal(signal.SIGINT)

    done = rig.load.wait_done(DEADLINE_S)

    assert 2 == done.journeys


@pytest.mark.parametrize("blocked", [False, True])
def test_a_child_whose_runner_is_gone_ends_by_itself(rig: Rig, *, blocked: bool) -> None:
    """End of file on stdin is enough, even where user code has blocked the event loop for good."""
    body, grace_s = ("while True: pass", 3.0) if blocked else ('self.client.get("/hang")', 10.0)
    rig.start(
        f"""
        from workbench.loadgen import runner_link
        runner_link.GRACE_S = {grace_s}
        class Browse(FastHttpUser):
            @task
            def look(self):
                print("looking")
                {body}
        """,
        [(i * 0.1, 0) for i in range(600)],
        "Browse",
    )
    rig.begin()
    rig.wait_for("a journey has begun", lambda: "looking" in rig.log)
    process = rig.load._process
    assert process is not None
    assert process.stdin is not None

    process.stdin.close()

    rig.wait_for("the child has ended", lambda: rig.load.exit_status is not None)
    assert 3 == rig.load.exit_status
    if not blocked:
        assert ("indeterminate", "unfinished") in rig.outcomes()


def test_a_child_that_does_not_react_is_killed(rig: Rig) -> None:
    """User code that never gives way must not hold up the end of a run."""
    rig.start(
        """
        class Browse(FastHttpUser):
            @task
            def look(self):
                print("looking")
                while True: pass
        """,
        [(0.0, 0)],
        "Browse",
    )
    rig.begin()
    rig.wait_for("the journey has begun", lambda: "looking" in rig.log)

    assert rig.load.stop(1.0) is None
    assert not rig.load.alive


def test_a_child_that_died_is_noticed_with_its_last_words(rig: Rig) -> None:
    """The next look at the progress says status and log."""
    rig.start(
        """
        import os
        class Browse(FastHttpUser):
            @task
            def look(self):
                print("last words")
                os._exit(9)
        """,
        [(0.0, 0)],
        "Browse",
    )
    rig.begin()
    rig.wait_for("the child has died", lambda: not rig.load.alive)

    with pytest.raises(HarnessError, match=r"(?s)status 9.*last words"):
        rig.load.wait_done(10)
    with pytest.raises(HarnessError, match=r"(?s)status 9.*last words"):
        rig.load.progress()


def test_rows_that_cannot_be_written_are_told_and_counted(rig: Rig) -> None:
    """A full disk stops neither the load nor the end of the child."""
    (rig.folder / "raw").mkdir()
    (rig.folder / "raw" / "requests.csv").symlink_to("/dev/full")
    rig.start(FAST, [(i * 0.02, 0) for i in range(50)] + [(60.0, 0)], "Browse")
    rig.begin()
    rig.wait_for("it is told", lambda: (p := rig.load.progress()) is not None and p.rows_error is not None)

    progress = rig.load.progress()
    assert progress is not None
    assert "No space left" in str(progress.rows_error)
    done = rig.load.stop(10)
    assert done is not None
    assert 0 == done.rows
    assert done.dropped >= 50


def test_a_user_that_cannot_be_made_fails_its_journeys(rig: Rig) -> None:
    """A login that does not work is seen by every arrival, and the child goes on."""
    rig.run(
        """
        class Browse(FastHttpUser):
            def on_start(self):
                raise RuntimeError("no login")
            @task
            def look(self):
                pass
        """,
        [(0.0, 0), (0.1, 0)],
        "Browse",
    )

    assert [("failed", "RuntimeError: no login")] * 2 == rig.outcomes()


@pytest.mark.parametrize(
    ("locustfile", "line", "message"),
    [
        ("class Browse(FastHttpUser)\n    pass", 2, "is not valid Python: expected ':'"),
        ("import nothing_of_that_name", 2, "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("x = 1\ny = 1 / 0", 3, "ZeroDivisionError: division by zero"),
        ("raise SystemExit(1)", 2, "SystemExit: 1"),
        ("class Browser(FastHttpUser):\n    tasks = [print]", 0, "did you mean Browser?"),
        ("class Browse: pass", 0, "'Browse' is not a Locust User class"),
        ("class Browse(FastHttpUser): pass", 0, "class 'Browse' has no tasks"),
    ],
)
def test_a_broken_locustfile_is_invalid_input(rig: Rig, locustfile: str, line: int, message: str) -> None:
    """The error names file and line, in the user's words."""
    with pytest.raises(InvalidInput) as caught:
        rig.start(locustfile, [(0.0, 0)], "Browse")

    (problem,) = caught.value.problems
    assert (str(rig.folder / "locustfile.py"), line) == (problem.file, problem.line)
    assert message in problem.message
    rig.wait_for("the child has ended", lambda: not rig.load.alive)
    assert 2 == rig.load.exit_status


def test_a_missing_locustfile_is_invalid_input(rig: Rig) -> None:
    """It is told like any other problem of the file."""
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        rig.run("", [(0.0, 0)], "Browse", before_start=lambda file: file.unlink())


def test_a_broken_job_is_an_error_of_the_harness(rig: Rig) -> None:
    """A schedule that names a journey beyond the job is nothing that a user could mend."""
    with pytest.raises(HarnessError, match="names a journey beyond"):
        rig.start(FAST, [(0.0, 3)], "Browse")


def test_what_user_code_writes_to_stdout_does_not_reach_the_runner(rig: Rig) -> None:
    """Not even past Python's own stdout: it would tear the next message."""
    rig.run(
        """
        import os
        class Browse(FastHttpUser):
            @task
            def look(self):
                os.write(1, b"half a line")
        """,
        [(0.0, 0)],
        "Browse",
    )

    assert "half a line" in rig.log


def test_waiting_has_a_deadline_that_shows_the_log(rig: Rig) -> None:
    """A locustfile that hangs at import is not waited for without end."""
    rig.launch("import time\nprint('importing', flush=True)\ntime.sleep(60)", [(0.0, 0)], "Browse")
    rig.wait_for("it is importing", lambda: "importing" in rig.log)

    with pytest.raises(HarnessError, match=r"(?s)still running its probe after .* s.*importing"):
        rig.load.wait_probed(0.5)


def test_two_locustfiles_of_one_name_are_two_modules(rig: Rig) -> None:
    """Journeys may come from files in different folders that have the same name; each finds itself by its name."""
    text = """
        import sys
        from locust import FastHttpUser, task
        class {name}(FastHttpUser):
            @task
            def look(self):
                assert {name}.__name__ in vars(sys.modules[__name__])
    """
    other = rig.folder / "other" / "locustfile.py"
    other.parent.mkdir()
    other.write_text(textwrap.dedent(text.format(name="Pay")))
    rig.run(text.format(name="Browse"), [(0.0, 0), (0.1, 1)], "Browse", "Pay", files={"Pay": other})

    assert [("ok", None)] * 2 == rig.outcomes()


def test_progress_is_told_twice_a_second_while_nothing_happens(rig: Rig) -> None:
    """The runner can tell a quiet load from one that hangs."""
    rig.start(FAST, [(60.0, 0)], "Browse")
    rig.begin()
    seen: set[int] = set()

    def three_told() -> bool:
        progress = rig.load.progress()
        seen.update([] if progress is None else [progress.at_ns])
        return len(seen) >= 3

    began = time.monotonic()
    rig.wait_for("three lines are told", three_told)
    assert time.monotonic() - began > 0.5
    progress = rig.load.progress()
    assert progress is not None
    assert (0, None, None) == (progress.planned, progress.p95_ns, progress.lag_p99_ns)
