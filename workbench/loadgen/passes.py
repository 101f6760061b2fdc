"""One pass through a user's tasks, which is what a journey is. Waiting times between tasks do not apply.

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


class Picker:
    """Picks tasks by weight; the same arrival of the same seed picks the same, whatever runs beside it."""

    __slots__ = ("_random", "_seed")

    def __init__(self, seed: int, arrival: int) -> None:
        self._seed = (seed << 64) + arrival
        self._random: Random | None = None

    def pick(self, tasks: list[Any]) -> Any:
        """Return one of the tasks (Locust repeats a task as often as its weight says)."""
        if len(tasks) == 1:
            return tasks[0]
        if self._random is None:  # seeding costs more than everything else here
            self._random = Random(self._seed)
        return self._random.choice(tasks)


def one_pass(user: Any, picker: Picker) -> None:
    """Run one of the user's tasks. Whatever the task raises comes out, except for rescheduling."""
    try:
        _run(user, picker.pick(user.tasks), picker)
    except (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately):
        return  # means "return" for a task; the next arrival is scheduled already


def _run(owner: Any, task: Any, picker: Picker) -> None:
    if isinstance(task, type) and issubclass(task, TaskSet):
        _run_set(task(owner), picker)
    elif isinstance(owner, TaskSet):
        owner.execute_task(task)
    else:
        task(owner)


def _run_set(tasks: Any, picker: Picker) -> None:
    try:
        tasks.on_start()
        for task in _picked(tasks, picker):
            try:
                _run(tasks, task, picker)
            except (RescheduleTask, RescheduleTaskImmediately):
                continue
    except InterruptTaskSet:
        return  # hands over to the parent, whose pass is over as well
    finally:
        tasks.on_stop()


def _picked(tasks: Any, picker: Picker) -> list[Any]:
    if isinstance(tasks, SequentialTaskSet):
        return [tasks.get_next_task() for _ in tasks.tasks]
    if type(tasks).get_next_task is TaskSet.get_next_task and tasks.tasks:
        return [picker.pick(tasks.tasks)]
    return [tasks.get_next_task()]
