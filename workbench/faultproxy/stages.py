"""What stands in a pipe: stages, each of which meets every piece that comes, and the end behind the last."""

from __future__ import annotations

from workbench.faultproxy.active_fault import Influence
from workbench.model.faults.actions import Delay, Pace, Swallow


class Stage:
    """What one influence does in one pipe. Whatever a kind of stage does not override lets bytes pass.

    A stage belongs to one pipe, so it may count. It is asked anew each time: an influence that changes while it
    is on need not put in another one; `size` and `gap` of its pace are asked for each part, too.
    """

    __slots__ = ("influence", "pace")

    def __init__(self, influence: Influence, pace: Pace | None = None) -> None:
        self.influence = influence
        self.pace = pace

    def room(self) -> int | None:
        """Return how many bytes may still pass; behind the last of them the connection ends. None: any number.

        Asked when bytes come, so an end that is due at once comes with the next ones.
        """
        return None

    def act(self, size: int) -> Delay | Swallow | None:  # noqa: ARG002 - for those that count
        """Say what happens to the `size` bytes that have just come, at most as many as there is room for."""
        return None

    def act_at_end(self) -> Delay | Swallow | None:
        """Say what happens to the end behind the last byte."""
        return None


class Always(Stage):
    """Does the same to every piece. What swallows bytes swallows the end, too."""

    __slots__ = ("_action",)

    def __init__(self, influence: Influence, action: Delay | Swallow) -> None:
        super().__init__(influence)
        self._action = action

    def act(self, size: int) -> Delay | Swallow:  # noqa: ARG002 - the same for all
        return self._action

    def act_at_end(self) -> Swallow | None:
        return self._action if isinstance(self._action, Swallow) else None


class Limit(Stage):
    """Lets so many bytes pass, and no more."""

    __slots__ = ("_left",)

    def __init__(self, influence: Influence, size: int) -> None:
        super().__init__(influence)
        self._left = size

    def room(self) -> int:
        return self._left

    def act(self, size: int) -> None:
        self._left -= size
