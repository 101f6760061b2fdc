"""The schedule file as the load child reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.loadgen.schedule import read_schedule

S = 1_000_000_000


def _file(folder: Path, *arrivals: tuple[int, int]) -> Path:
    file = folder / "schedule.csv"
    file.write_text("".join(f"{start},{journey}\n" for start, journey in arrivals))
    return file


def test_arrivals_are_due_at_their_time_and_not_before(tmp_path: Path) -> None:
    """An arrival is counted as planned from its own nanosecond on."""
    schedule = read_schedule(_file(tmp_path, (0, 0), (5, 1), (5, 0), (9, 1)), 2)

    assert 4 == len(schedule)
    assert [0, 1, 1, 3, 4] == [schedule.due(ns) for ns in (-1, 0, 4, 5, 9)]


def test_the_peak_is_the_busiest_second_of_one_journey(tmp_path: Path) -> None:
    """Users are made ahead of time for it."""
    schedule = read_schedule(_file(tmp_path, (0, 0), (S, 0), (S + 1, 1), (2 * S - 1, 0), (2 * S, 0)), 3)

    assert [2, 1, 0] == [schedule.peak_per_s(journey) for journey in range(3)]


def test_an_empty_schedule_has_no_peak(tmp_path: Path) -> None:
    """A phase without load is allowed."""
    assert 0 == read_schedule(_file(tmp_path), 1).peak_per_s(0)


@pytest.mark.parametrize(
    ("arrivals", "message"),
    [([(0, 2)], "names a journey beyond the 2"), ([(0, -1)], "names a journey"), ([(5, 0), (4, 0)], "order of time")],
)
def test_a_schedule_that_does_not_fit_the_job_is_refused(
    tmp_path: Path, arrivals: list[tuple[int, int]], message: str
) -> None:
    """It would otherwise be a load that nobody planned."""
    with pytest.raises(ValueError, match=message):
        read_schedule(_file(tmp_path, *arrivals), 2)
