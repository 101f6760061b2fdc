"""Writing the reports into a run directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.reporting.runs import ALL_PASSED, healthy, verdict
from workbench.errors import EnvironmentFailure
from workbench.reporting import write_reports


def test_three_files_are_written_and_nothing_else(tmp_path: Path) -> None:
    """No partial file stays."""
    paths = write_reports(tmp_path, healthy().build(), verdict(*ALL_PASSED))
    assert [path.name for path in paths] == ["report.html", "report.md", "junit.xml"]
    assert set(paths) == set(tmp_path.iterdir())
    assert all(path.stat().st_size > 500 for path in paths)


def test_a_report_that_cannot_be_written_is_said_and_leaves_the_old_one(tmp_path: Path) -> None:
    """A full disk costs the new report, not the one before it."""
    history = healthy().build()
    write_reports(tmp_path, history, verdict(*ALL_PASSED))
    before = (tmp_path / "report.html").read_text()
    (tmp_path / ".report.html.partial").mkdir()  # what cannot be opened for writing
    with pytest.raises(EnvironmentFailure, match=r"cannot write .*report\.html"):
        write_reports(tmp_path, history, verdict(*ALL_PASSED, title="another"))
    assert (tmp_path / "report.html").read_text() == before


def test_what_stands_in_the_way_is_named_with_its_remedy(tmp_path: Path) -> None:
    """A folder in place of the page; what CI needs is there nevertheless."""
    (tmp_path / "report.html").mkdir()
    with pytest.raises(EnvironmentFailure, match="Is a directory") as caught:
        write_reports(tmp_path, healthy().build(), verdict(*ALL_PASSED))
    assert "remove what is in its place, then: workbench report " in str(caught.value.hint)
    assert (tmp_path / "junit.xml").exists()
    assert [] == list(tmp_path.glob(".*"))


def test_the_same_run_gives_the_same_reports(tmp_path: Path) -> None:
    """Reports can be compared, and made again from the directory at any time."""
    history = healthy().build()
    first = [p.read_bytes() for p in write_reports(tmp_path, history, verdict(*ALL_PASSED))]
    again = [p.read_bytes() for p in write_reports(tmp_path, history, verdict(*ALL_PASSED))]
    assert first == again
