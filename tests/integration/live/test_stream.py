"""What readers are sent: the run from its own files, only what has changed, and never more than they take."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import psutil
import pytest

from tests.histories import END, FAULT, UNDO, healthy
from tests.history_builder import ns
from tests.integration.live.rig import LiveRig, Reader
from tests.written_run import WrittenRun
from workbench.collector.live.view import MOST_READERS
from workbench.engine.journal import read_journal
from workbench.holding import HOLDER
from workbench.model.events import Clock


@pytest.fixture
def written(live: LiveRig) -> WrittenRun:
    """A run that began some time ago, and is recorded by the collector."""
    run = healthy()
    ago = ns(END + 30)
    zero = Clock(monotonic_ns=time.monotonic_ns() - ago, wall_ns=time.time_ns() - ago)
    run.record = run.record.model_copy(update={"zero": zero})
    written = WrittenRun(live.reports, run)
    live.begin(written.raw)
    return written


def read_until(reader: Reader, state: str) -> None:
    while reader.parts.get("now", {}).get("state") != state:
        reader.next()


def test_the_page_follows_the_run_to_its_verdict(live: LiveRig, written: WrittenRun) -> None:
    """Before run zero, in its phases, after its end; events as in the journal, journeys as in the rows."""
    with live.reader() as reader:
        read_until(reader, "preparing")
        assert "latency-spike" == reader.parts["run"]["scenario"]
        reader.until("charts")
        assert reader.parts["charts"] is None
        written.go_on(UNDO)
        read_until(reader, "running")
        while reader.parts["now"]["faults"].get(FAULT) != "undoing":
            reader.next()
        rows = sum(journey.ended <= ns(UNDO) for journey in written.run.journeys)
        assert rows == reader.parts["now"]["journeys"]
        written.go_on(END + 10)
        read_until(reader, "over")
        events, problems = read_journal(written.folder / "journal.jsonl")
        while len(reader.parts["journal"]) < len(events):
            reader.next()
        assert not problems
        assert [round(event.at_ns / 1e9, 1) for event in events] == [at for at, *_ in reader.parts["journal"]]
        assert len(written.run.journeys) == reader.parts["now"]["journeys"]
        assert reader.parts["runs"][0]["outcome"] is None
        verdict = {"title": "It holds", "outcome": "PASS", "exit_code": 0, "reasons": ["because"]}
        (written.folder / "verdict.json").write_text(json.dumps(verdict))
        (written.folder / "report.html").write_text("the report")
        while not reader.parts["runs"][0]["report"]:
            reader.next()
        assert "PASS" == reader.parts["runs"][0]["outcome"]


def test_the_last_words_of_a_stack_are_the_verdict(live: LiveRig, written: WrittenRun) -> None:
    """It was written a moment before the collector was told to end: everything is sent, and then that it is all."""
    with live.reader() as reader:
        written.go_on(END + 10)
        read_until(reader, "over")
        verdict = {"title": "It holds", "outcome": "PASS", "exit_code": 0, "reasons": ["because"]}
        (written.folder / "verdict.json").write_text(json.dumps(verdict))
        live.rig.process.terminate()
        reader.until("end")
        assert "PASS" == reader.parts["runs"][0]["outcome"]
        assert [] == reader.parts["now"]["silent"]
    live.rig.process.wait()


def test_a_run_that_failed_is_over_when_it_is_judged(live: LiveRig, written: WrittenRun) -> None:
    """Its journal has no end, and none will come."""
    with live.reader() as reader:
        written.go_on(10)
        read_until(reader, "running")
        failed = {"event": "failed", "at_ns": ns(10), "error": "HarnessError", "message": "no more", "hint": None}
        with (written.folder / "journal.jsonl").open("a") as journal:
            journal.write(json.dumps(failed) + "\n")
        read_until(reader, "finishing")
        (written.folder / "verdict.json").write_text("{}")
        read_until(reader, "over")


def test_at_rest_only_the_heart_beats(live: LiveRig) -> None:
    """What has not changed is not sent again."""
    with live.reader() as reader:
        reader.until("stack", "runs", "run", "now", "charts", "journal")
        assert ["beat", "beat"] == [reader.next(), reader.next()]


def test_a_second_reader_gets_everything_at_once(live: LiveRig, written: WrittenRun) -> None:
    """As one does that comes back after the connection was lost."""
    written.go_on(END + 10)
    with live.reader() as first:
        read_until(first, "over")
        with live.reader() as second:
            second.until("stack", "runs", "run", "now", "charts", "journal")
            while first.parts.get("charts") is None:
                first.next()
            assert first.parts["charts"] == second.parts["charts"]


def test_a_reader_that_does_not_read_costs_no_memory(live: LiveRig, written: WrittenRun) -> None:
    """And holds up nobody: what it was not sent is forgotten."""
    stalled = socket.create_connection(("127.0.0.1", live.port))
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    head = f"GET /live/events HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nCookie: {live.cookie['Cookie']}\r\n\r\n"
    stalled.sendall(head.encode())
    process = psutil.Process(live.rig.process.pid)
    sizes = []
    with live.reader() as reader:
        for second in range(2, 14):
            written.go_on(float(second))
            reader.until("now")
            sizes.append(process.memory_info().rss)
    stalled.close()
    assert sizes[-1] - sizes[2] < 8 * 1024 * 1024


def test_there_are_only_so_many_pages(live: LiveRig) -> None:
    """One more is told so; one that is closed makes room."""
    request = f"GET /live/events HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nCookie: {live.cookie['Cookie']}\r\n\r\n"
    sockets = []
    for _ in range(MOST_READERS):
        sockets.append(socket.create_connection(("127.0.0.1", live.port)))
        sockets[-1].sendall(request.encode())
        assert b" 200 " in sockets[-1].recv(64)
    assert 503 == live.get("/live/events", **live.cookie)[0]
    for one in sockets:
        one.close()

    def welcome() -> bool:
        with socket.create_connection(("127.0.0.1", live.port)) as one:
            one.sendall(request.encode())
            return b" 200 " in one.recv(64)

    live.rig.wait_for("there is room again", welcome)


def test_an_old_page_stops_no_other_run(live: LiveRig, written: WrittenRun) -> None:
    """And a run whose folder nobody holds cannot be stopped."""
    headers = {**live.cookie, **live.origin}

    def stop(run: str) -> tuple[int, bytes]:
        return live.rig.send("POST", "/live/stop", json.dumps({"run": run}).encode(), **headers)

    assert 409 == stop("20250101T000000Z-latency-spike-abc123")[0]
    (live.state / HOLDER).write_text(json.dumps({"pid": os.getpid(), "doing": "run x"}))
    status, said = stop(written.folder.name)
    assert 409 == status
    assert "no run holds the folder" in said.decode()


def test_a_run_that_cannot_be_shown_harms_no_recording(live: LiveRig, tmp_path: Path) -> None:
    """Nonsense in its files: rows of processes go on to be written."""
    raw = live.reports / "20260101T000000Z-latency-spike-abc123" / "raw"
    raw.mkdir(parents=True)
    (raw.parent / "run.json").write_text("[]")
    (raw.parent / "journal.jsonl").write_bytes(b'\xff\x00\n{"event":"load_started","at_ns":0}\n')
    (raw / "requests.csv").write_bytes(b"journey,\xff\n" * 1000)
    live.begin(raw)
    with live.reader() as reader:
        reader.until("stack", "now")
        size = (raw / "processes.csv").stat().st_size if (raw / "processes.csv").exists() else 0
        live.rig.wait_for("processes are measured", lambda: (raw / "processes.csv").stat().st_size >= size)
    status, _ = live.rig.send("DELETE", "/recording", **live.control)
    assert 200 == status
