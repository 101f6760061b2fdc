"""The table of kinds, their files, their tests, their documentation and the schemas list the same kinds."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from workbench.model.faults import KINDS
from workbench.model.faults.actions import Answer
from workbench.model.faults.base import HitAttempt
from workbench.model.faults.seeded import Draw

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "workbench" / "model" / "faults"
NO_KINDS = {
    "__init__",
    "actions",
    "base",
    "distributions",
    "eligibility",
    "error_answer",
    "on_resources",
    "process_actions",
    "resource_actions",
    "scheduling",
    "seeded",
}


def test_every_file_is_a_kind_in_the_table_and_every_kind_has_a_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - NO_KINDS == set(KINDS)
    for name, kind in KINDS.items():
        assert f"workbench.model.faults.{name}" == kind.__module__


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_a_test_file(name: str) -> None:
    path = ROOT / "tests" / "unit" / "model" / "faults" / f"test_{name}.py"
    assert re.search(r"^def test_", path.read_text(), re.MULTILINE), f"{path} holds no test"


def test_the_documentation_has_a_section_for_each() -> None:
    page = (ROOT / "docs" / "reference" / "faults.md").read_text()
    sections = set(re.findall(r"^## `?([a-z_]+)`?$", page, re.MULTILINE))
    assert set(KINDS) == sections & set(KINDS) == sections - {"match", "schedule", "per"}


def test_the_example_of_the_guide_is_a_kind() -> None:
    guide = (ROOT / "docs" / "how-to" / "add-a-fault.md").read_text()
    code = guide.partition("```python\n")[2].partition("```")[0]
    module = ModuleType("workbench.model.faults.empty_answer")
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - our own page
        fault = module.EmptyAnswer(id="f", edge="payments:provider", share="40%")
        assert "answers 200 with an empty body (40% of requests)" == fault.describe()
        assert Answer(200, (("content-type", "application/json"),), b"") == fault.action(Draw(1, "f", 0))
        assert fault.felt(HitAttempt(1, 200, "complete"), None)
        assert not fault.felt(HitAttempt(1, 503, "complete"), None)
    finally:
        del sys.modules[module.__name__]


def test_the_schema_takes_each_and_no_other() -> None:
    schema = json.loads((ROOT / "docs" / "reference" / "schemas" / "scenario.schema.json").read_text())
    assert set(KINDS) == set(schema["properties"]["faults"]["items"]["discriminator"]["mapping"])
