"""The Markdown report."""

from __future__ import annotations

import re

from tests.histories import SCENARIO
from tests.unit.reporting.runs import healthy, mixed, nothing, passed, result, told, verdict
from workbench.model.events import Warned
from workbench.model.scenario import Scenario
from workbench.model.verdict import Outcome
from workbench.reporting.markdown import escaped, markdown_report


def first(report: str, lines: int = 60) -> str:
    return "\n".join(report.split("\n")[:lines])


def test_the_first_60_lines_are_enough() -> None:
    """Verdict, reasons, what was done, what users felt, objectives, and everything that did not pass."""
    top = first(markdown_report(mixed()))
    for said in (
        "# ❌ FAIL: Payments answers 800 ms late",
        "It did not hold: 1 of 3 claims failed, and 1 could not be decided.",
        "answers 800ms ± 100ms late: verified on at 23.1 s",
        "hit 14 of 14 eligible requests",
        "| checkout | fault | 119 | 100 % | 100 % |",
        "| checkout-availability | fault | 119 / 119 |",
        "❔ `A12:checkout` the claim of A12:checkout: the reason of A12:checkout",
    ):
        assert said in top
    assert "<details>" not in top.partition("`A12:checkout`")[0]


def test_the_first_60_lines_are_enough_for_a_bad_day_too() -> None:
    """Many banners, many journeys, many objectives and many failures do not push one another out."""
    run = healthy()
    run.journal += [Warned(at_ns=i, message=f"warning {i}") for i in range(20)]
    mix = {"browse": 1.0, "checkout": 1.0} | {f"j{i}": 1.0 for i in range(8)}
    scenario = Scenario.model_validate({**SCENARIO, "load": {**SCENARIO["load"], "mix": mix}})
    run.record = run.record.model_copy(update={"scenario": scenario})
    checks = [result(f"A12:journey-{i}", Outcome.FAIL, kind="fallback_served") for i in range(40)]
    judged = [result("A16:checkout-availability", Outcome.FAIL)]
    report = markdown_report(told(run, verdict(*judged, *checks, reasons=["A12:journey-0: it failed"])))
    top = first(report)
    for said in ("FAIL", "warning 0", "it failed", "What users felt", "Service level objectives", "`A12:journey-3`"):
        assert said in top
    assert all(f"`A12:journey-{i}`" in report for i in range(40))


def test_a_pass_has_no_list_of_what_did_not_pass() -> None:
    """There is nothing in it."""
    report = markdown_report(passed())
    assert report.startswith("# ✅ PASS")
    assert "not passed" not in report


def test_missing_numbers_are_said() -> None:
    """A run that never began shows no share."""
    report = markdown_report(told(nothing(), verdict()))
    assert "| browse | baseline | no data |" in report
    assert "> - The run could not go on: orders did not start" in report


def test_text_cannot_break_a_table_or_become_markup() -> None:
    """Bars, tags, brackets and line breaks come from errors and names."""
    assert escaped("a|b\nc") == r"a\|b c"
    assert escaped("<b>*x*</b> [y](z) `q`") == r"\<b\>\*x\*\</b\> \[y\](z) \`q\`"
    hostile = result("A16:s", Outcome.FAIL, claim="x | y", reason="</details> | <script>")
    report = markdown_report(told(healthy(), verdict(hostile)))
    assert "<script>" not in report
    assert report.count("</details>") == report.count("<details>")
    rows = [line for line in report.split("\n") if line.startswith("|")]
    for table in re.split(r"\n(?!\|)", "\n".join(rows)):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.split("\n")}) >= 1


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    """Otherwise it is not shown as a table."""
    cells: list[int] = []
    for line in [*markdown_report(mixed()).split("\n"), ""]:
        if line.startswith("|"):
            cells.append(len(re.findall(r"(?<!\\)\|", line)))
        elif cells:
            assert len(set(cells)) == 1, f"before {line!r}: {cells}"
            cells = []


def test_every_check_is_in_the_folded_list() -> None:
    """Nothing is left out of it."""
    report = mixed()
    folded = markdown_report(report).partition("checks</summary>")[2]
    assert all(f"`{check.id}`" in folded for check in report.verdict.checks)
