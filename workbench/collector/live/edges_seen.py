"""What went over the faulted edges: attempts as the fault plane saw them, calls and refused connections from spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from workbench.model.tables import SPANS
from workbench.pages.axis import Axis
from workbench.pages.charts import Chart
from workbench.pages.chosen_charts import attempts_chart

MOST_EDGES = 3

_EDGE, _STARTED, _CALL, _ATTEMPT, _OUTCOME, _FALLBACK = (
    [column.name for column in SPANS.columns].index(name)
    for name in ("edge", "started", "call_id", "attempt", "outcome", "fallback")
)


class _Edge:
    def __init__(self) -> None:
        self.attempts: Counter[int] = Counter()
        self.hits: Counter[int] = Counter()
        self.calls: Counter[int] = Counter()


class EdgesSeen:
    """Some edges of one run. Attempts have absolute monotonic times, spans wall times."""

    def __init__(
        self, axis: Axis, edges: Sequence[str], *, refusing: Sequence[str], zero_ns: int, zero_wall_ns: int
    ) -> None:
        self._slot_ns = axis.slot_ns
        self._edges = {edge: _Edge() for edge in edges[:MOST_EDGES]}
        self._starts = {f"{edge},".encode(): seen for edge, seen in self._edges.items()}
        self._refusing = set(refusing)
        """Edges whose fault refuses connections: each one that was refused was hit."""
        self._zero_ns = zero_ns
        self._zero_wall_ns = zero_wall_ns

    def rows(self, lines: Iterable[bytes]) -> None:
        """Take lines of the table `attempts`. Only a path can hold a comma, and it comes later in the line."""
        for line in lines:
            for start, seen in self._starts.items():
                if not line.startswith(start) or line.endswith(b"True"):
                    continue
                try:
                    _, _, _, faults, accepted, _ = line.split(b",", 5)
                    slot = (int(accepted) - self._zero_ns) // self._slot_ns
                except ValueError:
                    continue  # a torn line
                seen.attempts[slot] += 1
                seen.hits[slot] += faults != b""

    def span(self, row: Sequence[Any]) -> None:
        """Take one row of the table `spans`."""
        seen = self._edges.get(row[_EDGE] or "")
        if seen is None:
            return
        slot = (row[_STARTED] - self._zero_wall_ns) // self._slot_ns
        if row[_ATTEMPT] is None:
            if row[_FALLBACK] is None and row[_CALL] is not None:
                seen.calls[slot] += 1
        elif row[_OUTCOME] == "connect_refused":
            seen.attempts[slot] += 1
            seen.hits[slot] += row[_EDGE] in self._refusing

    def charts(self, axis: Axis, now_ns: int, uncounted: Sequence[str]) -> list[Chart]:
        """Return a chart for each edge; hits on `uncounted` ones are nobody's to count."""
        known = max(now_ns // self._slot_ns, 0)
        found = []
        for name, seen in self._edges.items():
            attempts, hits, calls = (_on_axis(part, known) for part in (seen.attempts, seen.hits, seen.calls))
            counted = None if name in uncounted else hits
            found.append(attempts_chart(axis, name, attempts=attempts, hits=counted, calls=calls, known=known))
        return found


def _on_axis(counts: Counter[int], known: int) -> dict[int, int]:
    return {slot: count for slot, count in counts.items() if count and 0 <= slot < known}
