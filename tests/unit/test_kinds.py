"""The table of kinds, their files, their tests, their documentation and the schemas list the same kinds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from workbench.model.faults import KINDS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "workbench" / "model" / "faults"
NO_KINDS = {
    "__init__",
    "actions",
    "base",
    "distributions",
    "eligibility",
    "error_answer",
    "process_actions",
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


def test_the_schema_takes_each_and_no_other() -> None:
    schema = json.loads((ROOT / "docs" / "reference" / "schemas" / "scenario.schema.json").read_text())
    assert set(KINDS) == set(schema["properties"]["faults"]["items"]["discriminator"]["mapping"])
