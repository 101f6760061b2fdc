"""The JUnit report: one test case for each check, in the shape that every CI reads.

FAIL is a failure. INCONCLUSIVE is an error, because CI shows what is skipped in green; only what does not apply is
skipped. A run that was cut short gets a test case of its own, so that it is red even where no check failed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from workbench.model.events import Failed, InterruptedBy
from workbench.model.outcome import Exit
from workbench.model.units import NS_PER_S
from workbench.model.verdict import CheckResult, Outcome
from workbench.pages import words
from workbench.pages.sentences import sentence
from workbench.reporting import figures
from workbench.reporting.report import Report

_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)

_MOST_EVIDENCE, _MOST_LINES, _LONGEST = 20, 30, 600

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(report: Report) -> str:
    """Return the report as JUnit XML."""
    verdict, run = report.verdict, report.history.run
    lasted_ns = max(report.history.load_end_ns() - report.history.load_start_ns(), 0)
    suite = ET.Element("testsuite")
    _add_properties(suite, report)
    for check in verdict.checks:
        _add_check(suite, check, verdict.scenario)
    for why in _broken(report):
        case = _add_case(suite, "the run came to its end", verdict.scenario)
        _add_said(case, "error", "HARNESS", why, verdict.meaning)
    ET.SubElement(suite, "system-out").text = _clean("\n".join([report.answer, *_short(verdict.reasons)]))
    ET.SubElement(suite, "system-err").text = _clean("\n".join(_short([banner.text for banner in report.banners])))
    suite.attrib |= {
        "name": _clean(f"workbench.{verdict.scenario}"),
        "package": "workbench",
        "id": "0",
        "timestamp": (figures.wall_time(run.zero.wall_ns) or _UNKNOWN).strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": "localhost",
        "tests": str(len(suite.findall("testcase"))),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": str(len(suite.findall("testcase/error"))),
        "skipped": str(len(suite.findall("testcase/skipped"))),
        "time": f"{lasted_ns / NS_PER_S:.3f}",
    }
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _add_properties(suite: ET.Element, report: Report) -> None:
    verdict, run = report.verdict, report.history.run
    properties = ET.SubElement(suite, "properties")
    values = {
        "run_id": verdict.run_id,
        "scenario": verdict.scenario,
        "system": run.system.name,
        "verdict": verdict.outcome.value,
        "exit_code": str(verdict.exit_code),
        "seed": str(run.plan.seed),
        "python": run.machine.python,
        **{f"version.{name}": version for name, version in run.versions.items()},
        **{f"changed_limit.{path}": value for path, value in verdict.changed_limits.items()},
    }
    for name, value in values.items():
        ET.SubElement(properties, "property", name=_line(name), value=_line(value))


def _add_case(suite: ET.Element, name: str, scenario: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", name=_line(name), classname=_clean(f"workbench.{scenario}"), time="0")


def _add_check(suite: ET.Element, check: CheckResult, scenario: str) -> None:
    case = _add_case(suite, f"{check.id} {check.claim}", scenario)
    match check.outcome:
        case Outcome.PASS:
            pass
        case Outcome.FAIL:
            _add_said(case, "failure", "FAIL", check.reason, _evidence(check))
        case Outcome.INCONCLUSIVE:
            _add_said(case, "error", "INCONCLUSIVE", check.reason, _evidence(check))
        case Outcome.NOT_APPLICABLE:
            ET.SubElement(case, "skipped", message=_line(check.reason))


def _add_said(case: ET.Element, element: str, kind: str, message: str, text: str) -> None:
    said = ET.SubElement(case, element, type=kind, message=_line(message))
    said.text = _clean(text)


def _evidence(check: CheckResult) -> str:
    lines = [check.reason, *(f"{e.kind} {e.ref} {e.text}".rstrip() for e in check.evidence[:_MOST_EVIDENCE])]
    if len(check.evidence) > _MOST_EVIDENCE:
        lines.append(f"and {len(check.evidence) - _MOST_EVIDENCE} more in verdict.json")
    return "\n".join(words.shortened(line, _LONGEST) for line in lines)


def _short(lines: Sequence[str]) -> list[str]:
    return [words.shortened(line, _LONGEST) for line in lines[:_MOST_LINES]]


def _broken(report: Report) -> list[str]:
    """Say what kept the run from its end, or from being clean."""
    history = report.history
    found = [sentence(event)[0] for event in history.journal if isinstance(event, Failed | InterruptedBy)]
    if not found and report.verdict.exit_code in (Exit.FAILED, Exit.DIRTY, Exit.SIGINT, Exit.SIGTERM):
        found.append(report.verdict.meaning)
    return found


def _clean(text: str) -> str:
    """Replace what XML 1.0 cannot hold, not even escaped."""
    return _NOT_XML.sub("�", text)


def _line(text: str) -> str:
    """Return text that is good for an attribute: one line, not too long."""
    return _clean(words.shortened(" ".join(text.split()), _LONGEST))
