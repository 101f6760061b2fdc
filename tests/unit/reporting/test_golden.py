"""Markdown and JUnit as a reviewer sees them: whole files, compared.

RENEW_GOLDEN=1 renews them; the difference is reviewed like code.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.reporting.runs import mixed
from workbench.reporting.junit import junit_report
from workbench.reporting.markdown import markdown_report

GOLDEN = Path(__file__).parents[2] / "golden" / "reports"


@pytest.mark.parametrize("name", ["report.md", "junit.xml"])
def test_the_report_is_the_one_that_was_reviewed(name: str) -> None:
    """One run with every outcome."""
    made = {"report.md": markdown_report, "junit.xml": junit_report}[name](mixed())
    file = GOLDEN / name
    if os.environ.get("RENEW_GOLDEN"):
        file.write_text(made, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == made
