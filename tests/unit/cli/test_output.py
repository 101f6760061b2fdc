"""What commands print: results on stdout, JSON where asked for, plain text where there is no terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.runs import GOLDEN
from tests.unit.cli.terminal import Terminal
from workbench import __version__
from workbench.cli.app import app
from workbench.model.outcome import MEANINGS, Exit

RUN = GOLDEN / "breaker-off"
"""A run that FAILs."""

COMMANDS = [str(command.name) for command in app.registered_commands]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example_and_fits_80_columns(workbench: Terminal, command: str) -> None:
    helped = workbench(command, "--help")
    assert (0, "") == (helped.code, helped.err)
    assert f"workbench {command}" in helped.out
    assert "Example:" in helped.out
    assert max(map(len, helped.out.splitlines())) <= 80
    assert "\x1b" not in helped.out, "colours without a terminal"
    for escaped in ("[bold]", "[/]"):
        assert escaped not in helped.out


def test_workbench_alone_prints_its_help_and_exits_with_2(workbench: Terminal) -> None:
    alone = workbench()
    assert 2 == alone.code
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", alone.out + alone.err)


def test_the_version_is_one_line(workbench: Terminal) -> None:
    assert (0, f"workbench {__version__}\n", "") == _parts(workbench, "version")


def test_scenarios_are_listed_with_their_claims_the_folders_own_first(workbench: Terminal, pair: Path) -> None:
    listed = workbench("list", "--json")
    assert (0, "") == (listed.code, listed.err)
    found = {entry["name"]: entry for entry in json.loads(listed.out)}
    assert {"asked", "back-refused", "latency-spike", "no-fault"} <= set(found)
    assert "Users get an answer" == found["asked"]["title"]
    assert found["asked"]["valid"]
    only = json.loads(workbench("list", "--json", "-l", "area=pair").out)
    assert ["asked"] == [entry["name"] for entry in only]
    assert "Users get an answer" in workbench("list").out


@pytest.mark.parametrize("content", ["phases: [", "seed: 0x_", "labels: {since: 2026-02-30}"])
def test_a_broken_scenario_does_not_hide_the_others_in_the_list(workbench: Terminal, pair: Path, content: str) -> None:
    (pair / "scenarios" / "broken.yaml").write_text(content)
    listed = workbench("list", "--json")
    assert 0 == listed.code
    found = {entry["name"]: entry for entry in json.loads(listed.out)}
    assert not found["broken"]["valid"]
    assert found["asked"]["valid"]
    assert "broken" in workbench("list").out


def test_a_plan_is_told_as_text_and_as_json(workbench: Terminal, pair: Path) -> None:
    told = workbench("plan", "back-refused")
    assert (0, "") == (told.code, told.err)
    for word in ("phase baseline", "phase fault", "front:back", "no-back undone", "what this plan can decide"):
        assert word in told.out
    planned = json.loads(workbench("plan", "back-refused", "--json").out)
    assert ["baseline", "fault", "recovery"] == [phase["name"] for phase in planned["plan"]["phases"]]


def test_the_same_seed_gives_the_same_plan_and_another_gives_another(workbench: Terminal, pair: Path) -> None:
    first, again, other = (
        json.loads(workbench("plan", "asked", "--json", "--seed", seed).out)["plan"]["arrivals_digest"]
        for seed in ("3", "3", "4")
    )
    assert first == again
    assert first != other


def test_a_plan_that_cannot_decide_says_so_and_is_refused_to_run(workbench: Terminal, pair: Path) -> None:
    weak = ("asked", "--set", "phases.baseline.duration=1s", "--rate", "3/s")
    assert "what this plan can decide" in workbench("plan", *weak).out
    workbench("run", *weak).refused(2, "would probably not be decided", "--allow-inconclusive")
    assert not (pair / ".workbench").exists()


def test_valid_files_are_told_what_they_are(workbench: Terminal, pair: Path) -> None:
    files = {
        "system.yaml": "a system",
        "answered.yaml": "an OpenSLO document",
        "scenarios/asked.yaml": "a scenario",
    }
    told = "".join(f"{file}: {kind} is valid\n" for file, kind in files.items())
    assert (0, told, "") == _parts(workbench, "validate", *files)


def test_the_doctor_answers_in_json_too(workbench: Terminal, pair: Path) -> None:
    examined = workbench("doctor", "--json")
    findings = {finding["what"]: finding for finding in json.loads(examined.out)}
    assert {"python", "packages", "system", "disk", "folder", "ports"} <= set(findings)
    assert (4 if any(f["state"] == "bad" for f in findings.values()) else 0) == examined.code
    for finding in findings.values():
        assert finding["state"] == "ok" or finding["state"] == "note" or finding["remedy"], finding


def test_faults_that_a_dead_run_left_in_the_ledger_are_told_and_healed(workbench: Terminal, pair: Path) -> None:
    (pair / ".workbench").mkdir()
    entry = {"op": "open", "id": "no-back", "edge": "front:back", "kind": "refuse", "run": "r"}
    (pair / ".workbench" / "ledger.jsonl").write_text(json.dumps(entry) + '\n{"op": "op')
    assert ["no-back on front:back (refuse)"] == json.loads(workbench("status", "--json").out)["ledger"]
    doctor = workbench("doctor")
    assert 4 == doctor.code
    assert "1 faults may still be on: no-back on front:back (refuse)" in doctor.out
    assert "cleared 1 entries of the ledger" in workbench("heal").out
    assert "the ledger is empty" in workbench("heal").out
    assert [] == json.loads(workbench("status", "--json").out)["ledger"]


def test_pruning_keeps_the_newest_runs_and_drops_a_link_to_nothing(workbench: Terminal, pair: Path) -> None:
    for day in (1, 2, 3):
        (pair / "reports" / f"2026010{day}T000000Z-asked-{day}").mkdir(parents=True)
        (pair / "reports" / f"2026010{day}T000000Z-asked-{day}" / "run.json").touch()
    (pair / "reports" / "latest").symlink_to("20260101T000000Z-asked-1")
    (pair / "reports" / "README.md").touch()
    pruned = workbench("prune", "--keep", "1")
    assert (0, "2 deleted, 1 kept\n") == (pruned.code, pruned.out)
    assert {"20260103T000000Z-asked-3", "README.md"} == {path.name for path in (pair / "reports").iterdir()}
    assert (0, "0 deleted, 1 kept\n", "") == _parts(workbench, "prune", "--keep", "1")


def test_names_of_scenarios_complete_in_the_shell(pair: Path) -> None:
    completed = _shell(pair, _WORKBENCH_COMPLETE="complete_bash", COMP_WORDS="workbench run back-", COMP_CWORD="2")
    assert ["back-refused"] == completed.stdout.split()


@pytest.mark.parametrize("command", [["list"], ["--help"], ["status", "--json"]])
@pytest.mark.parametrize(
    ("lost", "told"),
    [("", "nobody reads the result any more"), (">/dev/full", "the result cannot be written: No space left on device")],
)
def test_a_result_that_nobody_gets_is_no_success(pair: Path, command: list[str], lost: str, told: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = _redirected(pair, command, lost, stdout=writing)
    os.close(writing)
    assert 4 == ended.returncode
    assert [f"error: {told}", f"exit 4: {MEANINGS[Exit.FAILED]}"] == ended.stderr.splitlines()


@pytest.mark.parametrize(
    ("command", "code", "lost"),
    [(["foo"], 2, ">&-"), (["foo"], 2, "2>&-"), (["foo"], 2, "2>/dev/full"), (["gate", str(RUN)], 1, ">&-")],
)
def test_a_closed_stream_and_progress_without_a_reader_are_no_matter(
    pair: Path, command: list[str], code: int, lost: str
) -> None:
    ended = _redirected(pair, command, lost)
    assert code == ended.returncode, ended.stderr
    assert "Traceback" not in ended.stderr


def test_progress_whose_reader_has_left_is_no_matter(pair: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = _redirected(pair, ["foo"], "", stderr=writing)
    os.close(writing)
    assert 2 == ended.returncode


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_output_cannot_show_is_escaped(pair: Path, encoding: str) -> None:
    (pair / "scenarios" / "told.yaml").write_text(
        (pair / "scenarios" / "asked.yaml").read_text().replace("Users get an answer", "\u2713 Users get an answer")
    )
    ended = _redirected(pair, ["list"], "", PYTHONIOENCODING=encoding)
    assert (0, "") == (ended.returncode, ended.stderr)
    assert "\\u2713 Users get an answer" in ended.stdout
    asked = _redirected(pair, ["list", "--json"], "", PYTHONIOENCODING=encoding)
    assert "\u2713 Users get an answer" in {entry["title"] for entry in json.loads(asked.stdout)}


def test_what_looks_like_markup_is_shown_as_it_is_written(workbench: Terminal, pair: Path) -> None:
    text = (pair / "scenarios" / "asked.yaml").read_text()
    text = text.replace("Users get an answer", "'[bold]x[/nope] :warning:'").replace(
        "area: pair", "area: '[fast path]'"
    )
    (pair / "scenarios" / "asked.yaml").write_text(text)
    listed = workbench("list")
    assert (0, "") == (listed.code, listed.err)
    for written in ("[bold]x[/nope]", ":warning:", "area=[fast", "path]"):
        assert written in listed.out


def _redirected(
    folder: Path, command: list[str], redirection: str, *, stdout: int = -1, stderr: int = -1, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with a redirection of the shell."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m workbench "$@" {redirection}', sys.executable, *command],
        cwd=folder,
        env=os.environ | environment,
        stdout=stdout,
        stderr=stderr,
        text=True,
        timeout=120,
        check=False,
    )


def _shell(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("workbench")
    return subprocess.run(
        [str(command)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _parts(workbench: Terminal, *argv: str) -> tuple[int, str, str]:
    ended = workbench(*argv)
    return ended.code, ended.out, ended.err
