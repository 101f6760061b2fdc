"""Bad input: each has its message, its exit code, and an empty stdout."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.terminal import Terminal


def test_an_unknown_scenario_gets_the_nearest_names(workbench: Terminal, pair: Path) -> None:
    for command in ("run", "plan"):
        workbench(command, "back-refuse").refused(
            2, "there is no scenario 'back-refuse'", "did you mean 'back-refused'?", "latency-spike", "workbench list"
        )


def test_a_scenario_file_that_is_not_there_is_named(workbench: Terminal, pair: Path) -> None:
    workbench("run", "scenarios/nothing.yaml").refused(2, "there is no file scenarios/nothing.yaml")


def test_yaml_that_cannot_be_parsed_is_named_with_its_line(workbench: Terminal, pair: Path) -> None:
    (pair / "scenarios" / "torn.yaml").write_text("version: 1\nname: torn\nphases: [{name: baseline\n")
    for command in ("run", "plan"):
        workbench(command, "torn").refused(2, "1 problem:", "scenarios/torn.yaml:4: is not valid YAML: ")
    workbench("validate", "scenarios/torn.yaml").refused(2, "scenarios/torn.yaml:4: is not valid YAML: ")


def test_all_problems_are_named_at_once_with_file_line_and_path(workbench: Terminal, pair: Path) -> None:
    _replace(pair / "scenarios" / "asked.yaml", "load: {", "lode: 3\nload: {users: 3, ")
    _replace(pair / "scenarios" / "asked.yaml", "duration: 4s", "duration: four")
    _replace(pair / "answered.yaml", "target: 0.5", "target: 5")
    refused = workbench("run", "asked")
    refused.refused(
        2,
        "scenarios/asked.yaml:7: lode: ",
        "scenarios/asked.yaml:8: load.users: ",
        "scenarios/asked.yaml:9: phases.0.duration: ",
        "answered.yaml:13: ",
        "workbench validate scenarios/asked.yaml checks it again",
    )
    workbench("validate", "scenarios/asked.yaml", "answered.yaml").refused(2, "asked.yaml:7: ", "answered.yaml:13: ")


def test_an_unknown_edge_and_an_unknown_slo_get_the_names_there_are(workbench: Terminal, pair: Path) -> None:
    _replace(pair / "scenarios" / "back-refused.yaml", "front:back", "front:bakc")
    _replace(pair / "scenarios" / "back-refused.yaml", "slo: answered", "slo: anwsered")
    workbench("run", "back-refused").refused(
        2,
        "2 problems:",
        "scenarios/back-refused.yaml:9: faults.0.edge: unknown edge 'front:bakc'; did you mean 'front:back'?",
        "scenarios/back-refused.yaml:10: steady_state.0.slo: unknown SLO 'anwsered'; did you mean 'answered'?",
    )


@pytest.mark.parametrize("rate", ["12", "0/s", "-3/s", "fast", "12/fortnight", "inf/s", "nan/s"])
def test_a_rate_that_is_none_is_refused_with_an_example(workbench: Terminal, pair: Path, rate: str) -> None:
    workbench("run", "asked", f"--rate={rate}").refused(2, f"--rate: '{rate}' is not a rate", "24/s")


def test_a_rate_beyond_what_a_run_can_hold_is_refused_before_anything_starts(workbench: Terminal, pair: Path) -> None:
    workbench("run", "asked", "--rate", "9000000/s").refused(2, "10,000,000 at the most", "--rate")
    assert not (pair / ".workbench").exists()
    assert not (pair / "reports").exists()


def test_a_fault_that_an_edge_cannot_have_is_refused_before_anything_starts(workbench: Terminal, pair: Path) -> None:
    _replace(pair / "system.yaml", "env: BACK_URL}", "env: BACK_URL, protocol: tcp}")
    _replace(pair / "scenarios" / "back-refused.yaml", "kind: refuse,", "kind: http_status, status: 503,")
    workbench("plan", "back-refused").refused(2, "front:back", "http")


def test_a_locustfile_with_a_syntax_error_is_named_with_its_line(workbench: Terminal, pair: Path) -> None:
    (pair / "journeys.py").write_text("from locust import FastHttpUser\n\nclass Ask(FastHttpUser:\n    pass\n")
    workbench("run", "asked").refused(2, "journeys.py:3: is not valid Python: ")
    (pair / "journeys.py").unlink()
    workbench("run", "asked").refused(2, "system.yaml:12: journeys.ask: ", "cannot be read: No such file")


def test_a_locustfile_without_the_class_gets_the_nearest_names(workbench: Terminal, pair: Path) -> None:
    _replace(pair / "system.yaml", "user: Ask", "user: Aks")
    workbench("run", "asked").refused(2, "system.yaml:12: ", "has no class 'Aks'; did you mean 'Ask'?")


def test_an_unknown_system_gets_the_names_there_are(workbench: Terminal, pair: Path) -> None:
    workbench("up", "--system", "shup").refused(2, "no installed system 'shup'", "did you mean 'shop'?")
    workbench("up", "--system", "no/system.yaml").refused(2, "there is no system file", "no/system.yaml")
    workbench("run", "asked", "--system", "shup").refused(2, "--system: ", "did you mean 'shop'?")


def test_an_unknown_placeholder_of_a_service_is_named_before_anything_starts(workbench: Terminal, pair: Path) -> None:
    _replace(pair / "system.yaml", '{PORT: "{port}"}, ready', '{PORT: "{prot}"}, ready')
    workbench("up", "--system", "system.yaml").refused(
        2, "service front: unknown placeholder {prot}", "{port} {port:NAME} {python}"
    )


def test_an_unknown_bug_gets_the_names_there_are(workbench: Terminal, pair: Path) -> None:
    workbench("up", "--system", "system.yaml", "--bug", "rud").refused(2, "has no bug 'rud'; did you mean 'rude'?")


def test_a_problem_of_an_option_is_not_looked_for_in_the_file(workbench: Terminal, pair: Path) -> None:
    planned = workbench("plan", "asked", "--rate", "20")
    planned.refused(2, "--rate: '20' is not a rate")
    assert "workbench validate" not in planned.err


@pytest.mark.parametrize(
    ("option", "change"),
    [
        (["--rate", "6/s"], "load.arrivals.rate=5/s"),
        (["--rate", "6/s"], "load.arrivals={rate: 5/s}"),
        (["--seed", "6"], "seed=5"),
        (["--system", "system.yaml"], "system=../system.yaml"),
    ],
)
def test_a_value_that_is_given_twice_is_refused(
    workbench: Terminal, pair: Path, option: list[str], change: str
) -> None:
    path = change.partition("=")[0]
    workbench("plan", "asked", *option, "--set", change).refused(2, f"{option[0]}: is given by --set {path}, too")


def test_judging_says_which_values_can_be_changed(workbench: Terminal) -> None:
    helped = workbench("judge", "--help").out
    assert "expect.breaker_opens.within=1s" in helped
    assert "phases." not in helped


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("phases.baseline.duration", "has to be PATH=VALUE"),
        ("phases.base.duration=3s", "did you mean 'baseline'?"),
        ("phases.baseline.duration=soon", "--set: phases.0.duration: "),
        ("load.arrivals.rate=[1", "is not a YAML value"),
    ],
)
def test_a_change_that_leads_nowhere_is_named(workbench: Terminal, pair: Path, change: str, words: str) -> None:
    workbench("plan", "asked", "--set", change).refused(2, "--set", words)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run"], "Missing argument 'SCENARIO'"),
        (["plan", "asked", "--sede", "3"], "No such option"),
        (["plan", "asked", "--seed", "one"], "'--seed': Input should be a valid integer"),
        (["plan", "asked", "--seed", "one"], "(got 'one')"),
        (["plan", "asked", "--rate"], "plan --help"),
        (["fault", "list", "--json", "--nope"], "fault list --help"),
        (["plan", "asked", "--seed", "-1"], "(got '-1')"),
        (["up", "--port-base", "65500"], "65336"),
        (["up", "--port-base", "80"], "1024"),
        (["prune", "--keep", "-1"], "(got '-1')"),
        (["open", "window"], "'window' is not"),
        (["ruin"], "No such command 'ruin'"),
        (["list", "-l", "area"], "-l area: has to be KEY=VALUE"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_the_help(
    workbench: Terminal, pair: Path, argv: list[str], words: str
) -> None:
    workbench(*argv).refused(2, words, "hint: ")


def test_a_folder_that_cannot_hold_runs_is_named(workbench: Terminal, pair: Path) -> None:
    (pair / "file").touch()
    for reports in ("file", "file/below", "/proc/reports"):
        workbench("run", "asked", "--reports", reports).refused(
            4, "cannot make a run directory in ", reports, "--reports"
        )


def test_a_folder_that_cannot_hold_state_is_named(workbench: Terminal, pair: Path) -> None:
    (pair / ".workbench").touch()
    for argv in (["up", "--system", "system.yaml"], ["run", "asked"], ["down"]):
        workbench(*argv).refused(4, f"cannot write to {pair / '.workbench'}: ", "run from a folder that you may write")
    assert 4 == workbench("doctor").code


def test_a_full_disk_for_the_state_is_named(workbench: Terminal, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pair / ".workbench").mkdir()
    (pair / ".workbench" / ".writable").symlink_to("/dev/full")
    workbench("up", "--system", "system.yaml").refused(4, "cannot write to ", "No space left on device")


@pytest.mark.parametrize("command", ["judge", "report", "gate"])
def test_a_folder_that_is_no_run_is_refused(workbench: Terminal, pair: Path, command: str) -> None:
    workbench(command, ".").refused(2, ". is not a run directory (it has no run.json)")


def test_nothing_to_open_says_how_to_make_some(workbench: Terminal, pair: Path) -> None:
    workbench("open", "report").refused(2, "there is no report in reports", "workbench run latency-spike")


def test_a_file_that_is_none_of_ours_is_told_what_ours_look_like(workbench: Terminal, pair: Path) -> None:
    (pair / "list.yaml").write_text("- 1\n")
    (pair / "other.yaml").write_text("name: other\n")
    (pair / "picture.yaml").write_bytes(b"\x89PNG\xff")
    workbench("validate", "list.yaml", "other.yaml", "picture.yaml", "missing.yaml").refused(
        2,
        "4 problems:",
        "list.yaml:1: has to be a mapping",
        "other.yaml:1: is none of the files that are known",
        "picture.yaml: is not UTF-8 text",
        "missing.yaml: cannot be read: No such file or directory",
    )


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
