"""Attempts become rows that the table's reader understands."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.unit.faultproxy.clockwork import Clockwork
from workbench.faultproxy.attempt import Attempt
from workbench.faultproxy.deciding import Decided
from workbench.faultproxy.heads import read_request_head
from workbench.faultproxy.recording import Recording
from workbench.faultproxy.wire import MarkedRecordingOrder
from workbench.model.tables import ATTEMPTS
from workbench.rows import RowWriter

TRACE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
COLUMNS = [column.name for column in ATTEMPTS.columns]


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    order = MarkedRecordingOrder(directory=str(tmp_path), run_id="r", canary="0123456789")
    return Recording(order, Clockwork().as_loop())


def rows(recording: Recording, tmp_path: Path) -> list[dict[str, str]]:
    recording.close()
    with (tmp_path / "attempts.csv").open(newline="") as lines:
        return [dict(zip(COLUMNS, row, strict=True)) for row in csv.reader(lines)]


def attempt(recording: Recording | None, path: str = "/v1/orders", ordinal: int = 3) -> Attempt:
    raw = f"POST {path} HTTP/1.1\r\ntraceparent: 00-{TRACE[0]}-{TRACE[1]}-01\r\n\r\n".encode()
    head = read_request_head(raw)
    assert head is not None
    return Attempt("orders:payments", ordinal, head, 100, recording)


def test_a_row_has_every_column(recording: Recording, tmp_path: Path) -> None:
    passed = attempt(recording)
    passed.decided = Decided()
    passed.decided.decisions, passed.decided.faults = "slow=3+ err=2-", "slow"
    passed.status = 200
    passed.bytes_in = 50
    passed.held(110)
    passed.released(160)
    passed.sent(20, 170)
    passed.sent(10, 180)
    passed.end("complete", 180)
    expected = {
        "edge": "orders:payments",
        "ordinal": "3",
        "decisions": "slow=3+ err=2-",
        "faults": "slow",
        "accepted": "100",
        "first_byte": "170",
        "ended": "180",
        "method": "POST",
        "path": "/v1/orders",
        "status": "200",
        "end_reason": "complete",
        "delay_ns": "50",
        "bytes_in": "50",
        "bytes_out": "30",
        "trace_id": TRACE[0],
        "parent_span_id": TRACE[1],
        "canary": "False",
    }
    assert rows(recording, tmp_path) == [expected]


def test_what_is_unknown_is_empty(recording: Recording, tmp_path: Path) -> None:
    """A connection that is not HTTP, and that nothing came back on."""
    Attempt("a:b", 0, None, 100, recording).end("client_gone", 200)
    (row,) = rows(recording, tmp_path)
    empty = {"decisions", "faults", "first_byte", "method", "path", "status", "trace_id", "parent_span_id"}
    assert empty == {name for name, value in row.items() if value == ""}


def test_a_status_that_the_caller_did_not_get_is_none(recording: Recording, tmp_path: Path) -> None:
    held = attempt(recording)
    held.status = 200
    held.held(150)
    held.decided = Decided()
    held.decided.decisions, held.decided.faults = "slow=3+", "slow"
    held.end("client_gone", 190)
    (row,) = rows(recording, tmp_path)
    assert (row["status"], row["first_byte"], row["delay_ns"]) == ("", "", "40")


def test_a_row_is_written_once(recording: Recording, tmp_path: Path) -> None:
    passed = attempt(recording)
    passed.finish(5, 150)
    passed.end("cut", 160)
    assert [row["end_reason"] for row in rows(recording, tmp_path)] == ["complete"]


@pytest.mark.parametrize("path", ["/a,b", '/"a"', '/a",b"', "/'x'", "/%22"])
def test_paths_survive_csv(recording: Recording, tmp_path: Path, path: str) -> None:
    attempt(recording, path).finish(1, 150)
    assert path == rows(recording, tmp_path)[0]["path"]


@pytest.mark.parametrize("path", ["/a", "/a,b", '/"', '/a,"b"', "/'"])
def test_a_line_is_what_the_row_writer_would_write(recording: Recording, tmp_path: Path, path: str) -> None:
    """The quick formatting and the table's own writer give the same bytes."""
    passed = attempt(recording, path)
    passed.status = 200
    passed.finish(5, 150)
    recording.close()
    quick = (tmp_path / "attempts.csv").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    writer = RowWriter(other, ATTEMPTS)
    writer.append(("orders:payments", 3, "", "", 100, 150, 150, "POST", path, 200, "complete", 0, 0, 5, *TRACE, False))
    writer.close()
    assert (other / "attempts.csv").read_bytes() == quick


def test_a_canary_says_so(recording: Recording, tmp_path: Path) -> None:
    attempt(recording, ordinal=-1).finish(1, 150)
    assert [(row["ordinal"], row["canary"]) for row in rows(recording, tmp_path)] == [("-1", "True")]


def test_without_a_recording_nothing_is_written() -> None:
    passed = attempt(None)
    passed.finish(1, 150)
    assert passed.reason == "complete"


def test_rows_are_flushed_every_second(tmp_path: Path) -> None:
    clock = Clockwork()
    order = MarkedRecordingOrder(directory=str(tmp_path), run_id="r", canary="0123456789")
    recording = Recording(order, clock.as_loop())
    attempt(recording).finish(1, 150)
    assert recording.state().rows == {"attempts": 0}
    clock.advance_ms(1000)
    assert recording.state().rows == {"attempts": 1}
    recording.close()
    assert clock.waiting == 0
