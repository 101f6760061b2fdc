"""The healthy shop passes, and a planted bug of its resilience fails by the check about it."""

from __future__ import annotations

import pytest

from tests.e2e.command import Folder
from tests.e2e.judged import RUN_WITHIN_S, TRIES, assert_convicted, assert_passes
from workbench.engine.rundir import RunDirectory

pytestmark = pytest.mark.timeout(TRIES * RUN_WITHIN_S + 60)

_JOURNEYS = """
SELECT journey, count(*), count(*) FILTER (outcome IN ('ok', 'degraded')) FROM journeys GROUP BY journey ORDER BY 1
"""


def test_latency_spike_passes(folder: Folder) -> None:
    assert_passes(folder, "latency-spike")


def test_no_fault_passes_and_makes_all_journeys(folder: Folder) -> None:
    """The control has all journeys of the shop, and nearly each of each ends well."""
    assert_passes(folder, "no-fault")
    rows = RunDirectory.existing(folder.path / "reports" / "latest").history().rows(_JOURNEYS)
    assert ["account", "admin", "browse", "checkout", "mixed"] == [journey for journey, *_ in rows]
    assert all(0.8 <= well / made and made >= 10 for _, made, well in rows), rows


@pytest.mark.parametrize(
    ("scenario", "bug", "check"),
    [
        ("latency-spike", "breaker-off", "A6:orders:payments"),
        ("error-burst", "retries-unbounded", "A3:payments:provider"),
    ],
    ids=["breaker-off", "retries-unbounded"],
)
def test_a_planted_bug_fails_by_the_check_about_it(scenario: str, bug: str, check: str, folder: Folder) -> None:
    assert_convicted(folder, scenario, bug, check)
