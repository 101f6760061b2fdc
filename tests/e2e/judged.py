"""Whole runs by the command a user types, and what has to be told at the end of each."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.e2e.command import Ended, Folder, note
from workbench.engine.rundir import RunDirectory
from workbench.model.outcome import MEANINGS, Exit
from workbench.model.verdict import CheckClass, Outcome, Verdict

RUN_WITHIN_S = 240.0
TRIES = 3

_OUTSIDE = re.compile(r"""(?:src|href|action|data|poster)\s*=\s*["']?(?:https?:)?//[^"'> ]*|url\(["']?(?:https?:)?//""")


def whole_run(folder: Folder, *words: str) -> tuple[Ended, Verdict]:
    """Run a scenario. Again, if the only reason why it is not decided is that the machine was too busy."""
    for left in reversed(range(TRIES)):
        ended = folder.run("run", *words, "--json", within_s=RUN_WITHIN_S)
        assert ended.stdout.strip(), ended.stderr
        verdict = ended.verdict()
        if not left or not busy_machine(folder, verdict):
            return ended, verdict
        note(f"INCONCLUSIVE because of the machine, {left} more tries: {'; '.join(verdict.reasons[:3])}")
    raise AssertionError("unreachable")


def busy_machine(folder: Folder, verdict: Verdict) -> bool:
    """Tell whether a run is undecided for reasons of the machine only: starved processes, a late or busy generator."""
    if verdict.outcome is not Outcome.INCONCLUSIVE or verdict.exit_code != Exit.INCONCLUSIVE:
        return False
    undecided = [result for result in verdict.checks if result.outcome is Outcome.INCONCLUSIVE]
    own = {"V1", "V2", "V3"}
    if any(result.check_class is CheckClass.VALIDITY and result.check not in own for result in undecided):
        return False
    history = RunDirectory.existing(folder.path / "reports" / "latest").history()
    return history.was_starved() or any(result.check in own for result in undecided)


def assert_told(folder: Folder, ended: Ended, verdict: Verdict, code: Exit) -> None:
    """Exit code, last line, JSON and nothing else on stdout, and all that belongs into the run directory."""
    assert code == ended.code, ended.stderr
    assert f"exit {code:d}: {MEANINGS[code]}" == ended.last_line
    latest = folder.path / "reports" / "latest"
    assert json.loads(ended.stdout) == json.loads((latest / "verdict.json").read_text(encoding="utf-8"))
    assert str(verdict.outcome) in ended.stderr
    assert "report.html" in ended.stderr
    page = (latest / "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) <= 150_000
    assert [] == _OUTSIDE.findall(page)
    assert verdict.title in (latest / "report.md").read_text(encoding="utf-8")
    assert "<testsuite" in (latest / "junit.xml").read_text(encoding="utf-8")
    assert "tok_" not in "".join(path.read_text(encoding="utf-8") for path in Path(latest).glob("logs/*.log"))


def the_stack(folder: Folder) -> dict[str, object]:
    """Return the addresses of the stack of the latest run."""
    found: dict[str, object] = json.loads((folder.path / "reports" / "latest" / "stack.json").read_text("utf-8"))
    return found


def assert_passes(folder: Folder, scenario: str) -> None:
    """The healthy shop passes it, all is told, and nothing is left."""
    ended, verdict = whole_run(folder, scenario, "--port-base", str(folder.port_base))
    assert Outcome.PASS is verdict.outcome, verdict.reasons
    assert_told(folder, ended, verdict, Exit.PASS)
    folder.assert_nothing_left(the_stack(folder))


def assert_convicted(folder: Folder, scenario: str, bug: str, check: str) -> None:
    """With the bug planted it fails by the check about it, which names an offender."""
    ended, verdict = whole_run(folder, scenario, "--bug", bug, "--port-base", str(folder.port_base))
    assert Outcome.FAIL is verdict.outcome, verdict.reasons
    said = {result.id: result for result in verdict.checks}
    assert Outcome.FAIL is said[check].outcome, said[check].reason
    failed = [result for result in verdict.checks if result.outcome is Outcome.FAIL]
    assert any(result.evidence for result in failed if result.check == said[check].check), "a FAIL names what convicts"
    assert_told(folder, ended, verdict, Exit.FAIL)
    folder.assert_nothing_left(the_stack(folder))
