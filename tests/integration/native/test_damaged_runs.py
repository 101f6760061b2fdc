"""Run directories that are newer, torn or damaged: a message or an honest verdict, never a false PASS."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.native.rig import Folder
from tests.unit.cli.terminal import Terminal


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run that passed. Tests take copies."""
    folder = Folder(tmp_path_factory.mktemp("finished") / "pair")
    ran = folder.workbench("run", "asked")
    assert 0 == ran.code, ran.err
    (run,) = folder.runs()
    yield run
    folder.end()


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / finished.name))


@pytest.fixture
def workbench(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capfd)


def test_a_run_is_judged_reported_and_gated_from_its_directory_alone(workbench: Terminal, run: Path) -> None:
    before = json.loads((run / "verdict.json").read_text())
    for report in ("verdict.json", "report.html", "report.md", "junit.xml"):
        (run / report).unlink()
    judged = workbench("judge", str(run), "--json")
    assert 0 == judged.code, judged.err
    assert before == json.loads(judged.out) == json.loads((run / "verdict.json").read_text())
    (run / "report.html").unlink()
    reported = workbench("report", str(run))
    assert {str(run / name) for name in ("report.html", "report.md", "junit.xml")} <= set(reported.out.splitlines())
    assert (run / "report.html").exists()
    gated = workbench("gate", str(run), "--json")
    assert (0, 0, "PASS") == (gated.code, json.loads(gated.out)["exit_code"], json.loads(gated.out)["outcome"])


def test_other_limits_are_judged_and_not_kept(workbench: Terminal, run: Path) -> None:
    kept = (run / "verdict.json").read_bytes()
    harder = workbench("judge", str(run), "--set", "steady_state.answered.target=99.99%")
    assert 3 == harder.code, "46 answers cannot decide 99.99 %"
    assert "judged with another limit" in harder.out
    assert kept == (run / "verdict.json").read_bytes()
    workbench("judge", str(run), "--set", "steady_state.answerd.target=9%").refused(2, "did you mean 'answered'?")


@pytest.mark.parametrize("command", ["judge", "report", "gate"])
def test_a_run_of_a_newer_workbench_is_refused(workbench: Terminal, run: Path, command: str) -> None:
    record = json.loads((run / "run.json").read_text())
    record["version"] += 1
    (run / "run.json").write_text(json.dumps(record))
    workbench(command, str(run)).refused(2, "run.json has format", "this workbench reads up to", "a newer one")


@pytest.mark.parametrize("command", ["judge", "report", "gate"])
@pytest.mark.parametrize("content", ["", '{"version": 1, "scen', "[]", '{"version": 1}'])
def test_a_run_whose_record_is_damaged_is_refused(workbench: Terminal, run: Path, command: str, content: str) -> None:
    (run / "run.json").write_text(content)
    workbench(command, str(run)).refused(2, str(run / "run.json"))


@pytest.mark.parametrize("content", [None, "", '{"version": 1, "outc'])
def test_a_gate_without_a_verdict_does_not_open(workbench: Terminal, run: Path, content: str | None) -> None:
    (run / "verdict.json").unlink()
    if content is not None:
        (run / "verdict.json").write_text(content)
    workbench("gate", str(run)).refused(2, "verdict.json", f"workbench judge {run}")


def test_a_torn_last_line_of_the_journal_is_no_pass(workbench: Terminal, run: Path) -> None:
    text = (run / "journal.jsonl").read_text()
    (run / "journal.jsonl").write_text(text[: len(text) - 20])
    _not_passed(workbench, run)


def test_a_journal_that_is_gone_is_no_pass(workbench: Terminal, run: Path) -> None:
    (run / "journal.jsonl").unlink()
    _not_passed(workbench, run)


@pytest.mark.parametrize("table", ["requests", "attempts", "arrivals", "processes"])
@pytest.mark.parametrize("damage", ["gone", "cut", "empty"])
def test_a_table_that_is_damaged_is_no_pass_and_is_named(
    workbench: Terminal, run: Path, table: str, damage: str
) -> None:
    file = run / f"{table}.parquet"
    content = file.read_bytes()
    match damage:
        case "gone":
            file.unlink()
        case "cut":
            file.write_bytes(content[: len(content) // 2])
        case "empty":
            file.write_bytes(b"")
    assert f"{table}.parquet" in _not_passed(workbench, run)


@pytest.mark.parametrize("table", ["requests", "attempts", "arrivals", "processes"])
def test_a_table_whose_rows_are_scrambled_is_never_a_pass(workbench: Terminal, run: Path, table: str) -> None:
    file = run / f"{table}.parquet"
    content = file.read_bytes()
    third = len(content) // 3
    file.write_bytes(content[:4] + bytes(255 - byte for byte in content[4:third]) + content[third:])
    assert f"{table}.parquet" in _not_passed(workbench, run)


def test_an_account_of_a_service_that_is_damaged_is_named_without_a_traceback(workbench: Terminal, run: Path) -> None:
    (run / "audit").mkdir(exist_ok=True)
    (run / "audit" / "back.json").write_text('{"before": {')
    _not_passed(workbench, run)


def _not_passed(workbench: Terminal, run: Path) -> str:
    """Judge, and assert that it is not PASS, that the saved verdict says the same, and that reports were made."""
    judged = workbench("judge", str(run))
    assert "Traceback" not in judged.err, judged.err
    assert judged.code in (2, 3), judged.out + judged.err
    if judged.code == 3:
        assert "INCONCLUSIVE" == json.loads((run / "verdict.json").read_text())["outcome"]
        assert 3 == workbench("gate", str(run)).code
    return judged.out + judged.err
