"""The tutorial is taken to its verdict by the commands on its page, with the files beside it, unchanged."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from tests.documented import ROOT, commands
from tests.e2e.command import Folder
from tests.e2e.judged import RUN_WITHIN_S, TRIES, assert_told, the_stack, whole_run
from workbench.model.outcome import Exit
from workbench.model.verdict import Outcome

PAGE = "docs/tutorial/your-own-services.md"
FILES = Path("docs/tutorial/own-services")


@pytest.fixture
def checkout(folder: Folder) -> Folder:
    shutil.copytree(ROOT / FILES, folder.path / FILES)
    return folder


def typed(checkout: Folder) -> list[list[str]]:
    """Return the words of the page's commands, with patterns expanded as a shell would."""
    lines = [command.words for command in commands() if command.file == PAGE]
    return [
        [path for word in words for path in (sorted(map(str, _glob(checkout, word))) if "*" in word else [word])]
        for words in lines
    ]


def _glob(checkout: Folder, pattern: str) -> list[Path]:
    return [path.relative_to(checkout.path) for path in checkout.path.glob(pattern)]


def test_the_page_says_validate_plan_run(checkout: Folder) -> None:
    assert ["validate", "plan", "run"] == [words[0] for words in typed(checkout)]


@pytest.mark.timeout(TRIES * RUN_WITHIN_S + 60)
def test_the_commands_of_the_page_reach_a_pass(checkout: Folder) -> None:
    validate, plan, run = typed(checkout)
    for words in (validate, plan):
        done = checkout.run(*words)
        assert Exit.PASS == done.code, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    ended, verdict = whole_run(checkout, *run[1:])
    assert Outcome.PASS is verdict.outcome, verdict.reasons
    assert_told(checkout, ended, verdict, Exit.PASS)
    checkout.assert_nothing_left(the_stack(checkout))


@pytest.mark.timeout(TRIES * RUN_WITHIN_S + 60)
def test_without_the_breaker_a6_says_that_it_never_opened(checkout: Folder) -> None:
    """Step 6 of the page: take the `@circuit` line out, and run again."""
    front = checkout.path / FILES / "front.py"
    lines = front.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("@circuit")]
    assert len(lines) - 1 == len(kept)
    front.write_text("".join(kept), encoding="utf-8")
    _, _, run = typed(checkout)
    ended, verdict = whole_run(checkout, *run[1:], fails_by="A6:front:back")
    said = {result.id: result for result in verdict.checks}
    assert (Exit.FAIL, Outcome.FAIL) == (ended.code, said["A6:front:back"].outcome), verdict.reasons
