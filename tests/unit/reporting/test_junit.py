"""The JUnit report."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from tests.unit.reporting.runs import healthy, mixed, nothing, passed, result, told, verdict
from workbench.model.events import InterruptedBy
from workbench.model.outcome import Exit
from workbench.model.verdict import Outcome
from workbench.reporting.junit import junit_report
from workbench.reporting.report import Report


def suite(report: Report) -> ET.Element:
    (found,) = ET.XML(junit_report(report))
    return found


def case(found: ET.Element, id_: str) -> ET.Element:
    return next(c for c in found.iter("testcase") if c.attrib["name"].startswith(f"{id_} "))


def test_every_check_is_a_test_case_of_its_scenario() -> None:
    """With its id and its claim as the name."""
    found = suite(mixed())
    assert len(mixed().verdict.checks) == len(list(found.iter("testcase")))
    assert {"workbench.latency-spike"} == {c.attrib["classname"] for c in found.iter("testcase")}
    assert case(found, "A12:checkout").attrib["name"] == "A12:checkout the claim of A12:checkout"


def test_only_what_does_not_apply_is_skipped() -> None:
    """FAIL is a failure; INCONCLUSIVE is an error, because CI shows what is skipped in green."""
    found = suite(mixed())
    assert [e.tag for e in case(found, "V1")] == []
    failure = case(found, "A16:checkout-availability")[0]
    assert (failure.tag, failure.attrib["type"]) == ("failure", "FAIL")
    assert failure.attrib["message"] == "the reason of A16:checkout-availability"
    assert "trace 000000000000000000000000000004e4 checkout failed" in (failure.text or "")
    error = case(found, "A12:checkout")[0]
    assert (error.tag, error.attrib["type"]) == ("error", "INCONCLUSIVE")
    assert [e.tag for e in case(found, "A13:browse/p95")] == ["skipped"]


def test_the_totals_are_those_of_the_cases() -> None:
    """CI shows them without counting."""
    assert {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}.items() <= suite(mixed()).attrib.items()


def test_a_run_that_did_not_come_to_its_end_is_red() -> None:
    """Also where every check that there is passed."""
    failed = suite(told(nothing(), verdict(exit_code=Exit.FAILED)))
    (error,) = failed.iter("error")
    assert (error.attrib["type"], failed.attrib["errors"]) == ("HARNESS", "1")
    assert error.attrib["message"] == "orders did not start (workbench logs orders)"
    run = healthy()
    run.journal.append(InterruptedBy(at_ns=1, signal="SIGINT"))
    stopped = suite(told(run, verdict(result("A16:s"), exit_code=Exit.SIGINT)))
    assert [e.attrib["type"] for e in stopped.iter("error")] == ["HARNESS"]
    dirty = suite(told(healthy(), verdict(result("A16:s"), exit_code=Exit.DIRTY)))
    assert [e.attrib["type"] for e in dirty.iter("error")] == ["HARNESS"]


def test_a_pass_is_green() -> None:
    """No failure, no error, nothing skipped."""
    assert {"failures": "0", "errors": "0", "skipped": "0"}.items() <= suite(passed()).attrib.items()


def test_the_properties_say_which_run_it_was() -> None:
    """Run, seed, verdict and versions."""
    properties = {p.attrib["name"]: p.attrib["value"] for p in suite(mixed()).iter("property")}
    assert {
        "run_id": "20260101T000000Z-latency-spike-abc123",
        "seed": "7",
        "verdict": "FAIL",
        "exit_code": "1",
        "version.workbench": "0.1.0",
    }.items() <= properties.items()


def test_the_shape_is_the_one_that_everybody_reads() -> None:
    """Order of elements and required attributes as in the schema of Ant's JUnit task."""
    found = suite(mixed())
    tags = [element.tag for element in found]
    assert tags == ["properties", *["testcase"] * 5, "system-out", "system-err"]
    required = {"name", "timestamp", "hostname", "tests", "failures", "errors", "time", "package", "id"}
    assert required <= found.attrib.keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", found.attrib["timestamp"])
    for element in found.iter("testcase"):
        assert {"name", "classname", "time"} == element.attrib.keys()
        assert len(element) <= 1


def test_any_text_can_be_written() -> None:
    """Log lines hold what XML cannot: it is replaced, and everything else is escaped."""
    bad = result("A16:s", Outcome.FAIL, claim="a\x00b\x1b[31m", reason='<&>"\ud83d\ude00]]>')
    text = junit_report(told(healthy(), verdict(bad)))
    (failure,) = ET.XML(text).iter("failure")
    assert failure.attrib["message"].startswith('<&>"')
    assert "a�b�[31m" in text
