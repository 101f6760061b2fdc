"""One pass through a user's tasks, which is what a journey is. Waiting times between tasks do not apply: arrivals pace.

- a function: it is called once
- a TaskSet: on_start, one of its tasks picked by weight, on_stop
- a SequentialTaskSet: on_start, every task once in order (or until one interrupts), on_stop
- a MarkovTaskSet, or a set with its own get_next_task: the first task that it names
"""

from __future__ import annotations

from random import Random
from typing import Any

from locust import SequentialTaskSet, TaskSet
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately


def one_pass(user: Any, rng: Random) -> None:
    """Run one of the user's tasks, picked by weight. Whatever the task raises comes out, except for rescheduling."""
    try:
        _run(user, _pick(user.tasks, rng), rng)
    except (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately):
        return  # means "return" for a task; the next arrival is scheduled already


def _run(owner: Any, task: Any, rng: Random) -> None:
    if isinstance(task, type) and issubclass(task, TaskSet):
        _run_set(task(owner), rng)
    elif isinstance(owner, TaskSet):
        owner.execute_task(task)
    else:
        task(owner)


def _run_set(tasks: Any, rng: Random) -> None:
    try:
        tasks.on_start()
        for task in _picked(tasks, rng):
            try:
                _run(tasks, task, rng)
            except (RescheduleTask, RescheduleTaskImmediately):
                continue
    except InterruptTaskSet:
        return  # hands over to the parent, whose pass is over as well
    finally:
        tasks.on_stop()


def _picked(tasks: Any, rng: Random) -> list[Any]:
    if isinstance(tasks, SequentialTaskSet):
        return [tasks.get_next_task() for _ in tasks.tasks]
    if type(tasks).get_next_task is TaskSet.get_next_task and tasks.tasks:
        return [_pick(tasks.tasks, rng)]
    return [tasks.get_next_task()]


def _pick(tasks: list[Any], rng: Random) -> Any:
    return tasks[0] if len(tasks) == 1 else rng.choice(tasks)
