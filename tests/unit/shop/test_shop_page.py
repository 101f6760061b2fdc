"""The table of patterns leads to files, scenarios, bugs and tests that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from target_services.chassis.bugs import Bug
from tests.documented import ROOT
from workbench.loading.locations import scenario_files

PAGE = (ROOT / "docs" / "explanation" / "shop.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## Which pattern is where")[2]


def rows() -> Iterator[tuple[str, list[str], list[str]]]:
    for line in TABLE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and "`" in cells[1]:
            pattern, files, proof = cells
            yield pattern, re.findall(r"`([^`]+)`", files), re.findall(r"`([^`]+)`", proof)


def exists(path: str, among: list[str]) -> bool:
    """Tell whether a file is there; one without a folder stands beside the first that is named."""
    shop = ROOT / "target_services"
    beside = (shop / among[0]).parent
    return any(shop.glob(path.rstrip("/"))) or (beside / path).exists()


def test_every_pattern_has_its_place_and_its_proof() -> None:
    table = [row for row in rows() if row[0] != "pattern"]
    assert len(table) >= 20
    scenarios = set(scenario_files())
    for pattern, files, proof in table:
        for file in files:
            assert exists(file, files), (pattern, file)
        assert proof, pattern
        for what in proof:
            known = what in scenarios or what in set(Bug) or (ROOT / what).exists()
            assert known, (pattern, what)
