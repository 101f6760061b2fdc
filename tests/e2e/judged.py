"""Whole runs by the command a user types, and what has to be told at the end of each."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from tests.e2e.command import Ended, Folder, note
from workbench.checks.offences import Settling
from workbench.checks.sli import generator_lag
from workbench.engine.rundir import RunDirectory
from workbench.model.events import ServiceDied
from workbench.model.outcome import MEANINGS, Exit
from workbench.model.units import NS_PER_S
from workbench.model.verdict import Outcome, Verdict

RUN_WITHIN_S = 480.0
"""Also of one that takes longer because the machine is slow."""
TRIES = 3

_COUNTED, _COUNTED_WHEN_DONE = {"A3", "A19"}, {"A18", "A20"}
"""Attempts too many, effects done twice, orders lost and the like are no matter of time.

But what is not finished yet may look like an order that is lost.
"""
_SUSTAINS = re.compile(r"this machine sustains about (\d+)")
_OUTSIDE = re.compile(r"""(?:src|href|action|data|poster)\s*=\s*["']?(?:https?:)?//[^"'> ]*|url\(["']?(?:https?:)?//""")


def whole_run(folder: Folder, scenario: str, *words: str, fails_by: str | None = None) -> tuple[Ended, Verdict]:
    """Run a scenario that passes, or fails by a check. Again, if it does not and the machine may be the reason."""
    slower: tuple[str, ...] = ()
    for left in reversed(range(TRIES)):
        ended = folder.run("run", scenario, *words, *slower, "--json", within_s=RUN_WITHIN_S)
        sustains = _SUSTAINS.search(ended.stderr)
        if left and sustains is not None and ended.code == Exit.USAGE:
            came_out, reason = "refused", ended.said()
        else:
            assert ended.stdout.strip(), ended.said()
            verdict = ended.verdict()
            busy = None if not left or as_wanted(verdict, fails_by) else busy_machine(folder, verdict, fails_by)
            if busy is None:
                return ended, verdict
            came_out, reason = f"{verdict.outcome}, and {busy}", "; ".join(verdict.reasons[:3])
        if sustains is not None:
            slower = unhurried(folder, scenario, max(int(sustains[1]), 1))
        note(f"{came_out}; so it is run again {' '.join(slower)}, {left} more tries: {reason}")
    raise AssertionError("unreachable")


def as_wanted(verdict: Verdict, fails_by: str | None) -> bool:
    """Tell whether a run has passed, or failed by the check that has to fail."""
    if fails_by is None:
        return verdict.outcome is Outcome.PASS
    failed = {result.id for result in verdict.checks if result.outcome is Outcome.FAIL}
    return verdict.outcome is Outcome.FAIL and fails_by in failed


def busy_machine(folder: Folder, verdict: Verdict, fails_by: str | None) -> str | None:
    """Return what the machine did to a run that did not come out as wanted; None if that cannot be the reason."""
    failed = {result.check for result in verdict.checks if result.outcome is Outcome.FAIL}
    history = RunDirectory.existing(folder.path / "reports" / "latest").history()
    if verdict.exit_code not in (Exit.FAIL, Exit.INCONCLUSIVE) or history.events(ServiceDied):
        return None
    counted = _COUNTED | _COUNTED_WHEN_DONE if Settling.of(history).all_done else _COUNTED
    if fails_by is None and failed & counted:
        return None
    if history.was_starved():
        return "processes waited long for a core"
    if generator_lag(history).beyond:
        return "the load generator was late"
    undecided = {result.check for result in verdict.checks if result.outcome is Outcome.INCONCLUSIVE}
    return "the load generator was too busy" if undecided & {"V1", "V3"} else None


def unhurried(folder: Folder, scenario: str, rate: int) -> tuple[str, ...]:
    """Return how to run a scenario at a lower rate, for so long that there are as many journeys.

    What has a time of its own (a recovery within 10 s) has fewer all the same, and would be refused.
    """
    plan = json.loads(folder.run("plan", scenario, "--json").stdout)["plan"]
    journeys = sum(sum(phase["arrivals"].values()) for phase in plan["phases"])
    longer = journeys * NS_PER_S / plan["end_ns"] / rate
    lengths = {phase["name"]: (phase["end_ns"] - phase["start_ns"]) * longer / NS_PER_S for phase in plan["phases"]}
    changes = [f"phases.{name}.duration={math.ceil(length_s)}s" for name, length_s in lengths.items()]
    return ("--allow-inconclusive", "--rate", f"{rate}/s", *(word for change in changes for word in ("--set", change)))


def assert_told(folder: Folder, ended: Ended, verdict: Verdict, code: Exit) -> None:
    """Exit code, last line, JSON and nothing else on stdout, and all that belongs into the run directory."""
    assert code == ended.code, ended.said()
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
    ended, verdict = whole_run(folder, scenario, "--bug", bug, "--port-base", str(folder.port_base), fails_by=check)
    assert Outcome.FAIL is verdict.outcome, verdict.reasons
    said = {result.id: result for result in verdict.checks}
    assert Outcome.FAIL is said[check].outcome, said[check].reason
    failed = [result for result in verdict.checks if result.outcome is Outcome.FAIL]
    assert any(result.evidence for result in failed if result.check == said[check].check), "a FAIL names what convicts"
    assert_told(folder, ended, verdict, Exit.FAIL)
    folder.assert_nothing_left(the_stack(folder))
