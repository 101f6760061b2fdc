"""What the pages and the CI files tell people to do with a finished run works as it is written there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.documented import ROOT, Command, commands
from tests.golden.runs import GOLDEN
from workbench.model.outcome import Exit

ON_A_RUN = {"judge", "report", "gate", "open"}
PAGES = ("docs/how-to/ci.md", "docs/how-to/ci/", "docs/tutorial/first-run.md", "README.md")
MADE_STRICTER = {Exit.PASS, Exit.FAIL}
"""`judge --set` on a page may show either."""


def on_a_run() -> Iterator[Command]:
    """Yield each documented command about `reports/latest`, once."""
    seen = set()
    for command in commands():
        words = command.words
        about = words[0] in ON_A_RUN and ("reports/latest" in words or words[:2] == ["open", "report"])
        if about and command.file.startswith(PAGES) and tuple(words) not in seen:
            seen.add(tuple(words))
            yield command


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder in which latency-spike has just PASSed, with the gate policy of the page."""
    shutil.copytree(GOLDEN / "latency-spike", tmp_path / "reports" / "run")
    (tmp_path / "reports" / "latest").symlink_to("run")
    page = (ROOT / "docs" / "how-to" / "ci.md").read_text(encoding="utf-8")
    policy = re.search(r"```yaml\n(# gate\.yaml\n.*?)```", page, re.DOTALL)
    assert policy, "the page has no gate.yaml any more"
    (tmp_path / "gate.yaml").write_text(policy[1], encoding="utf-8")
    return tmp_path


def typed(words: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workbench", *words], cwd=home, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("command", list(on_a_run()), ids=str)
def test_each_command_does_what_the_page_says(command: Command, home: Path) -> None:
    typed(["report", "reports/latest"], home)  # `open` needs one
    done = typed(command.words, home)
    allowed = MADE_STRICTER if "--set" in command.words else {Exit.PASS}
    assert done.returncode in allowed, f"{command}\n{done.stdout}{done.stderr}"


def test_the_policy_of_the_page_is_taken(home: Path) -> None:
    """With its own date and check: a page whose example no longer loads would mislead."""
    done = typed(["gate", "reports/latest", "--policy", "gate.yaml"], home)
    assert Exit.PASS == done.returncode, done.stderr


def test_files_that_the_ci_examples_keep_exist_after_judging(home: Path) -> None:
    assert Exit.PASS == typed(["judge", "reports/latest"], home).returncode
    workflow = YAML(typ="safe").load(ROOT / "docs" / "how-to" / "ci" / "github.yaml")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    named = {path for step in steps for path in re.findall(r"reports/latest/[\w.]*", str(step))}
    assert {"reports/latest/report.md", "reports/latest/junit.xml"} <= named
    assert [] == [path for path in sorted(named) if not (home / path).exists()]
