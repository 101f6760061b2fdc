"""One journey is one pass through a user's tasks, however they are arranged."""

from __future__ import annotations

from tests.integration.load.rig import Rig


def _ran(rig: Rig) -> list[str]:
    return [line.removeprefix("ran ") for line in rig.log.splitlines() if line.startswith("ran ")]


def test_a_sequence_runs_once_in_order_and_a_nested_set_runs_one_task(rig: Rig) -> None:
    """Sets are entered and left with their on_start and on_stop; wait_time does not slow a journey down."""
    rig.run(
        """
        class Shop(SequentialTaskSet):
            wait_time = lambda self: 3600
            def on_start(self):
                print("ran enter")
            def on_stop(self):
                print("ran leave")
            @task
            def one(self):
                print("ran one")
            @task
            class Inner(TaskSet):
                @task
                def two(self):
                    self.client
                    print("ran two")
            @task
            def three(self):
                print("ran three")

        class Browse(FastHttpUser):
            wait_time = lambda self: 3600
            tasks = [Shop]
        """,
        [(0.0, 0), (0.3, 0)],
        "Browse",
    )

    assert ["enter", "one", "two", "three", "leave"] * 2 == _ran(rig)
    assert [("ok", None)] * 2 == rig.outcomes()


def test_interrupting_ends_the_pass_and_rescheduling_the_task(rig: Rig) -> None:
    """Neither is a failure."""
    rig.run(
        """
        from locust.exception import RescheduleTask

        class Shop(SequentialTaskSet):
            @task
            def one(self):
                print("ran one")
                raise RescheduleTask
            @task
            def two(self):
                print("ran two")
                self.interrupt()
            @task
            def three(self):
                print("ran three")

        class Browse(FastHttpUser):
            tasks = [Shop]
        """,
        [(0.0, 0)],
        "Browse",
    )

    assert ["one", "two"] == _ran(rig)
    assert [("ok", None)] == rig.outcomes()


def test_a_user_that_stops_itself_is_replaced(rig: Rig) -> None:
    """StopUser ends the session, not the journey's success; the next arrival gets a new user."""
    rig.run(
        """
        from locust.exception import StopUser

        class Browse(FastHttpUser):
            def on_start(self):
                print("ran start")
            def on_stop(self):
                print("ran stop")
            @task
            def look(self):
                raise StopUser
        """,
        [(0.0, 0), (0.3, 0)],
        "Browse",
        max_users=1,
    )

    assert [("ok", None)] * 2 == rig.outcomes()
    assert 2 == _ran(rig).count("start")
    assert 2 == _ran(rig).count("stop")


def test_tasks_are_picked_by_weight_and_by_seed(rig: Rig) -> None:
    """The same seed picks the same tasks for the same arrivals; another seed does not."""
    locustfile = """
        class Browse(FastHttpUser):
            @task(3)
            def often(self):
                self.environment.events.request.fire(
                    request_type="x", name="often", response_time=0, response_length=0)
            @task
            def rarely(self):
                self.environment.events.request.fire(
                    request_type="x", name="rarely", response_time=0, response_length=0)
    """
    picked: list[list[str]] = []
    for seed in (1, 1, 2):
        again = Rig(rig.folder / str(len(picked)), rig.host)
        again.folder.mkdir()
        again.run(locustfile, [(i * 0.001, 0) for i in range(200)], "Browse", seed=seed)
        picked.append([row["name"] for row in sorted(again.requests, key=lambda row: row["arrival"])])

    assert picked[0] == picked[1]
    assert picked[0] != picked[2]
    assert 120 <= picked[0].count("often") <= 180


def test_a_markov_chain_takes_its_first_step(rig: Rig) -> None:
    """A set that chooses its tasks itself is asked for one."""
    rig.run(
        """
        from locust import MarkovTaskSet, transition

        class Chain(MarkovTaskSet):
            @transition("second")
            def first(self):
                print("ran first")
            @transition("first")
            def second(self):
                print("ran second")

        class Browse(FastHttpUser):
            tasks = [Chain]
        """,
        [(0.0, 0)],
        "Browse",
    )

    assert ["first"] == _ran(rig)
