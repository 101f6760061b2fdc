"""A run directory is written whole or not at all, and read with a clear word for everything that is wrong with it."""

from __future__ import annotations

import json
import os
import re
from array import array
from pathlib import Path
from typing import Any

import pytest

from tests import histories
from workbench.engine.collecting import collect, write_schedule
from workbench.engine.rundir import RunDirectory, finished_runs
from workbench.errors import EnvironmentFailure, InvalidInput, UsageError
from workbench.masking import MASKED
from workbench.model.arrivals import Schedule
from workbench.model.audit import Audit
from workbench.model.events import Collected, KeptFile
from workbench.model.tables import SPANS
from workbench.rows import RowWriter


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory.create(tmp_path, "latency-spike")
    made.save_run(histories.record())
    return made


def damage(directory: RunDirectory, name: str, **changes: Any) -> None:
    path = directory.folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_new_directory_is_named_by_time_and_scenario(directory: RunDirectory) -> None:
    assert re.fullmatch(r"\d{8}T\d{6}Z-latency-spike-[0-9a-f]{6}", directory.run_id)
    assert ["audit", "logs", "policies.json", "raw", "run.json"] == sorted(p.name for p in directory.folder.iterdir())


def test_a_place_that_cannot_be_written_to_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(
        EnvironmentFailure, match=r"cannot make a run directory in .*reports: Not a directory"
    ) as raised:
        RunDirectory.create(tmp_path / "reports", "s")
    assert "free some room, or choose another folder with --reports" == raised.value.hint


def test_what_was_saved_is_read_again(directory: RunDirectory) -> None:
    assert histories.record() == RunDirectory.existing(directory.folder).read_run()


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a run directory"):
        RunDirectory.existing(tmp_path)


def test_a_newer_format_is_refused_by_name(directory: RunDirectory) -> None:
    """Whatever else the newer format has: its number is looked at first."""
    damage(directory, "run.json", version=2, scenario="something new", unheard_of=1)
    with pytest.raises(UsageError, match="has format 2; this workbench reads up to 1") as raised:
        directory.read_run()
    assert (2, "use the workbench that made it, or a newer one") == (raised.value.exit_code, raised.value.hint)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"17", b"null", b"{}", b"\xff\xfe", b'{"version": "1"}', b"[" * 9000]
)
def test_a_damaged_run_file_is_a_problem_with_that_file(directory: RunDirectory, content: bytes) -> None:
    (directory.folder / "run.json").write_bytes(content)
    with pytest.raises(InvalidInput) as raised:
        directory.read_run()
    assert {str(directory.folder / "run.json")} == {problem.file for problem in raised.value.problems}


def test_all_that_does_not_hold_in_a_run_file_is_told(directory: RunDirectory) -> None:
    damage(directory, "run.json", run_id=7, machine={"os": "Linux"})
    with pytest.raises(InvalidInput) as raised:
        directory.read_run()
    assert {"run_id", "machine.arch", "machine.cores"} <= {problem.path for problem in raised.value.problems}


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read: No such file or directory"), (b"{}", "run_id: Field required"), (b"{", "Invalid JSON")],
)
def test_a_verdict_that_cannot_be_read_is_told_with_the_remedy(
    directory: RunDirectory, content: bytes | None, told: str
) -> None:
    if content is not None:
        (directory.folder / "verdict.json").write_bytes(content)
    with pytest.raises(InvalidInput, match=told) as raised:
        directory.read_verdict()
    assert f"workbench judge {directory.folder}" == raised.value.hint


def test_a_write_that_fails_leaves_the_old_file_whole(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no half a file beside it."""

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFailure, match=r"cannot write .*run.json: No space left on device"):
        directory.save_run(histories.record().model_copy(update={"run_id": "other"}))
    assert histories.record() == directory.read_run()
    assert [] == list(directory.folder.glob(".*"))


def test_accounts_are_kept_by_service_and_moment(directory: RunDirectory) -> None:
    directory.save_audits("before", {"orders": Audit(service="orders", pending=1)})
    directory.save_audits("after", {"orders": Audit(service="orders"), "payments": Audit(service="payments")})
    history = directory.history()
    assert (["orders"], ["orders", "payments"]) == (list(history.audits_before), list(history.audits_after))
    assert 1 == history.audits_before["orders"].pending


@pytest.mark.parametrize("content", ["{", "[]", '{"after": {"pending": "none"}}', '{"after": null}'])
def test_a_damaged_account_is_missing_and_told(directory: RunDirectory, content: str) -> None:
    """Not empty: what it did not say must not count as nothing done."""
    directory.save_audits("after", {"payments": Audit(service="payments")})
    (directory.folder / "audit" / "orders.json").write_text(content)
    history = directory.history()
    assert ["payments"] == list(history.audits_after)
    assert "audit/orders.json cannot be read" in history.problems


def test_everything_that_is_missing_from_a_history_is_told(directory: RunDirectory) -> None:
    """Nothing is missing in silence: journal and tables are named, one by one."""
    problems = " ".join(directory.history().problems)
    for name in ("journal.jsonl", "arrivals", "requests", "attempts", "metrics", "spans", "processes"):
        assert name in problems


@pytest.fixture
def kept(directory: RunDirectory) -> RunDirectory:
    """A run that was collected: empty tables but for two spans, and one account."""
    write_schedule(directory.folder, Schedule(("browse",), array("q", [5]), array("h", [0])))
    spans = RowWriter(directory.raw, SPANS)
    for number in range(2):
        name = f"span {number}"
        spans.append(
            ["x" if c.type == "VARCHAR" and not c.optional else None for c in SPANS.columns[:4]]
            + [name]
            + ["client", 1, 2, "ok"]
            + [None] * 5
            + ["{}", None]
        )
    spans.close()
    rows = collect(directory.folder, histories.record().zero)
    directory.save_audits("after", {"orders": Audit(service="orders")})
    write_journal(directory, rows, directory.kept_files())
    return directory


def write_journal(directory: RunDirectory, rows: dict[str, int], files: dict[str, KeptFile]) -> None:
    event = Collected(at_ns=0, rows=rows, dropped={}, clock_shift_ns={}, files=files)
    directory.journal.write_text(event.model_dump_json() + "\n", encoding="utf-8")


def test_what_was_kept_is_read_without_a_problem(kept: RunDirectory) -> None:
    files = kept.kept_files()
    assert {"arrivals.parquet", "jaeger.parquet", "audit/orders.json"} < files.keys()
    assert (kept.folder / "spans.parquet").stat().st_size == files["spans.parquet"].size
    assert () == kept.history().problems


@pytest.mark.parametrize("name", ["spans.parquet", "arrivals.parquet", "jaeger.parquet", "audit/orders.json"])
def test_a_file_that_is_not_the_one_that_was_written_is_told(kept: RunDirectory, name: str) -> None:
    """Such as the same table of another run: it can be read, and says what happened elsewhere."""
    file = kept.folder / name
    files = kept.kept_files()
    changed = files | {name: files[name].model_copy(update={"sha256": "0" * 64})}
    write_journal(kept, {"requests": 0, "attempts": 0, "spans": 2, "processes": 0, "metrics": 0}, changed)
    assert (f"{name} has been changed since the run ended",) == kept.history().problems
    file.unlink()
    assert f"{name} is missing" in kept.history().problems


def test_an_account_that_came_later_is_told(kept: RunDirectory) -> None:
    kept.save_audits("after", {"payments": Audit(service="payments")})
    assert ("audit/payments.json was not there when the run ended",) == kept.history().problems


def test_of_runs_of_before_there_were_digests_only_the_rows_are_compared(kept: RunDirectory) -> None:
    write_journal(kept, {"requests": 0, "attempts": 0, "spans": 3, "processes": 0}, {})
    kept.save_audits("after", {"payments": Audit(service="payments")})
    assert (
        "nobody said how many rows of metrics were collected",
        "spans.parquet has 2 rows, and 3 were collected",
    ) == tuple(sorted(kept.history().problems))


def test_rows_of_a_tool_that_were_not_collected_are_told(kept: RunDirectory) -> None:
    """A table of a tool that nobody mentioned was empty."""
    rows = {"requests": 0, "attempts": 0, "spans": 2, "processes": 0, "metrics": 0}
    (kept.folder / "jaeger.parquet").write_bytes((kept.folder / "spans.parquet").read_bytes())
    write_journal(kept, rows, {})
    assert ("jaeger.parquet has 2 rows, and 0 were collected",) == kept.history().problems


def test_logs_are_copied_from_where_the_run_began_and_masked(directory: RunDirectory, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "orders.log").write_bytes(b"before the run\nsecret-17 \xff\nmore\n")
    (logs / "short.log").write_bytes(b"rotated\n")
    directory.save_logs(logs, {"orders.log": 15, "short.log": 1_000}, ["secret-[0-9]+"])
    said = (directory.folder / "logs" / "orders.log").read_text()
    assert f"{MASKED} \ufffd\nmore\n" == said
    assert "" == (directory.folder / "logs" / "short.log").read_text()


def test_latest_is_the_run_that_was_published_last(tmp_path: Path) -> None:
    first, second = (RunDirectory.create(tmp_path, name) for name in ("a", "b"))
    for run in (first, second):
        run.publish()
    assert second.folder.resolve() == (tmp_path / "latest").resolve()


def test_latest_that_cannot_be_made_fails_no_run(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "a")
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "something").write_text("of somebody's own")
    run.publish()
    assert "of somebody's own" == (tmp_path / "latest" / "something").read_text()
    assert [] == list(tmp_path.glob(".latest*"))


def test_runs_are_listed_newest_first_and_latest_is_no_run_of_its_own(tmp_path: Path) -> None:
    """Prune takes what is behind the newest: a link, a foreign folder or a run counted twice would cost a run."""
    for name in ("20260102T000000Z-b-1", "20260101T000000Z-z-1", "20260103T000000Z-a-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    (tmp_path / "latest").symlink_to("20260103T000000Z-a-1")
    (tmp_path / "notes").mkdir()
    found = [run.run_id for run in finished_runs(tmp_path)]
    assert ["20260103T000000Z-a-1", "20260102T000000Z-b-1", "20260101T000000Z-z-1"] == found
    assert [] == finished_runs(tmp_path / "nowhere")


def test_raw_rows_can_be_dropped_twice(directory: RunDirectory) -> None:
    directory.drop_raw()
    directory.drop_raw()
    assert not directory.raw.exists()
