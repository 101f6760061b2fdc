"""Nothing is lost or done twice in the healthy shop, and a planted bug of its integrity fails by the check about it."""

from __future__ import annotations

import pytest

from tests.e2e.command import Folder
from tests.e2e.judged import RUN_WITHIN_S, TRIES, assert_convicted, assert_passes

pytestmark = pytest.mark.timeout(TRIES * RUN_WITHIN_S + 60)


@pytest.mark.parametrize("scenario", ["kill-service", "response-lost"])
def test_the_healthy_shop_passes(scenario: str, folder: Folder) -> None:
    assert_passes(folder, scenario)


@pytest.mark.parametrize(
    ("scenario", "bug", "check"),
    [
        ("response-lost", "idempotency-ignored", "A19:capture"),
        ("duplicate-delivery", "consumer-not-idempotent", "A19:notification"),
        ("db-error", "outbox-outside", "A20:order"),
        ("card-declined", "compensation-lost", "A20:order"),
        ("hot-products", "oversell", "A20:stock"),
    ],
)
def test_a_planted_bug_fails_by_the_check_about_it(scenario: str, bug: str, check: str, folder: Folder) -> None:
    assert_convicted(folder, scenario, bug, check)
