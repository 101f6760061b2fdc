"""The reports of a run: one HTML file for people, Markdown for pull requests, JUnit for CI.

`write_reports` is all that others need. What is shown is gathered once (`report`) and rendered three times; the
renderers are pure.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

from workbench.errors import EnvironmentFailure
from workbench.model.history import History
from workbench.model.verdict import Verdict
from workbench.reporting.junit import junit_report
from workbench.reporting.markdown import markdown_report
from workbench.reporting.page import html_page
from workbench.reporting.report import gather

_REMEDIES = {
    errno.ENOSPC: "free some room",
    errno.EDQUOT: "free some room",
    errno.EACCES: "make the folder writable",
    errno.EPERM: "make the folder writable",
    errno.EROFS: "copy the folder to where it can be written",
    errno.EISDIR: "remove what is in its place",
}


def write_reports(folder: Path, history: History, verdict: Verdict) -> list[Path]:
    """Write report.html, report.md and junit.xml into a run directory and return their paths.

    Raises EnvironmentFailure if one cannot be written; what was there before stays.
    """
    report = gather(history, verdict)
    # The simplest first: should one of them not come about, CI has its result all the same.
    junit = _written(folder / "junit.xml", junit_report(report))
    markdown = _written(folder / "report.md", markdown_report(report))
    return [_written(folder / "report.html", html_page(report)), markdown, junit]


def _written(path: Path, content: str) -> Path:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(content, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise EnvironmentFailure(
            f"cannot write {path}: {error.strerror}",
            hint=f"{_REMEDIES.get(error.errno or 0, 'mend that')}, then: workbench report {path.parent}",
        ) from error
    return path
