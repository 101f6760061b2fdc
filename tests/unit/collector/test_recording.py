"""Rows of one run on disk."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from workbench.collector.recording import Recording


def _rows(folder: Path, table: str) -> list[list[str]]:
    return list(csv.reader((folder / f"{table}.csv").read_text().splitlines()))


def test_series_are_numbered_once_and_points_refer_to_them(tmp_path: Path) -> None:
    """The same name and labels of two services are two series."""
    recording = Recording(tmp_path)

    numbers = [
        recording.series("orders", "up", {}),
        recording.series("orders", "calls", {"b": "2", "a": "1\n"}),
        recording.series("orders", "calls", {"a": "1\n", "b": "2"}),
        recording.series("payments", "up", {}),
    ]
    recording.points(17, [(0, 1.0), (1, float("inf"))])
    end = recording.close()

    assert [0, 1, 1, 2] == numbers
    assert ["0,orders,up,{}", "2,payments,up,{}"] == [
        ",".join(row) for row in _rows(tmp_path, "series") if row[2] == "up"
    ]
    assert {"a": "1\n", "b": "2"} == json.loads(_rows(tmp_path, "series")[1][3])
    assert [["17", "0", "1.0"], ["17", "1", "inf"]] == _rows(tmp_path, "metric_points")
    assert {"spans": 0, "series": 3, "metric_points": 2, "processes": 0} == end.rows
    assert (None, {"spans": 0, "series": 0, "metric_points": 0, "processes": 0}) == (end.error, end.dropped)


def test_a_full_disk_is_counted_and_named(tmp_path: Path) -> None:
    """The other tables go on."""
    (tmp_path / "spans.csv").symlink_to("/dev/full")
    recording = Recording(tmp_path)
    recording.span(("a",) * 16)
    recording.processes([(1, "a", 2, 0.1, 3)])

    state = recording.state()

    assert (0, 1) == (state.rows["spans"], state.dropped["spans"])
    assert "spans: No space left on device" == state.error
    assert 1 == state.rows["processes"]


def test_a_folder_that_is_not_there_is_refused_and_nothing_left_open(tmp_path: Path) -> None:
    """Whoever asked is told."""
    with pytest.raises(FileNotFoundError):
        Recording(tmp_path / "none")
