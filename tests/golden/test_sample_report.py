"""The report that the README shows is what this version makes of its run directory: no page of an older one.

RENEW_GOLDEN=1 makes it again, with `workbench report`; the difference is reviewed like code.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import zlib
from pathlib import Path

import pytest

from workbench.engine.rundir import RunDirectory
from workbench.pages import inlined
from workbench.pipeline import report_again

SAMPLE = Path(__file__).parents[2] / "reports" / "sample"

_LIBRARY = re.compile(r'(?<=<script id="library" type="text/plain">)[^<]+')
_PART = r"<{0}>(.*?)</{0}>"


def unpacked(page: str) -> str:
    """Return a page with its chart library as it runs: how small it becomes is the business of zlib's version."""
    return _LIBRARY.sub(lambda packed: zlib.decompress(base64.b64decode(packed[0])).decode(), page)


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's run directory, with reports that were made a moment ago."""
    folder = SAMPLE if os.environ.get("RENEW_GOLDEN") else tmp_path_factory.mktemp("sample") / "sample"
    if folder != SAMPLE:
        shutil.copytree(SAMPLE, folder)
    report_again(RunDirectory.existing(folder))
    return folder


def test_what_stands_in_its_page_is_what_stands_in_the_files() -> None:
    """Style, script and chart library, each by itself: so it is told which of them was changed."""
    page = unpacked((SAMPLE / "report.html").read_text(encoding="utf-8"))
    for name, expected in (("style", inlined.style()), ("script", inlined.script())):
        (embedded,) = re.findall(_PART.format(name), page, re.DOTALL)
        assert expected == embedded, f"the {name} was changed: RENEW_GOLDEN=1 makes the sample again"
    assert inlined.library() in page, "the chart library was changed: RENEW_GOLDEN=1 makes the sample again"


@pytest.mark.parametrize("name", ["report.html", "report.md", "junit.xml"])
def test_the_sample_is_what_its_run_directory_gives(again: Path, name: str) -> None:
    made, committed = ((folder / name).read_text(encoding="utf-8") for folder in (again, SAMPLE))
    assert unpacked(made) == unpacked(committed), "RENEW_GOLDEN=1 makes the sample again"
