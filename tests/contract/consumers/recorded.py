"""All pacts of the shop, played anew. `make pacts` writes those that are committed.

python -m tests.contract.consumers.recorded
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.contract.consumers import gateway, orders, payments
from tests.contract.consumers.story import Story, play

COMMITTED = Path(__file__).parents[1] / "pacts"

PAIRS: dict[tuple[str, str], tuple[Story, ...]] = {
    ("gateway", "users"): gateway.USERS,
    ("gateway", "catalog"): gateway.CATALOG,
    ("gateway", "orders"): gateway.ORDERS,
    ("orders", "inventory"): orders.INVENTORY,
    ("orders", "payments"): orders.PAYMENTS,
    ("orders", "notifications"): orders.NOTIFICATIONS,
    ("payments", "provider"): payments.PROVIDER,
}


def file_name(consumer: str, provider: str) -> str:
    """Return the name of a pact's file."""
    return f"{consumer}-{provider}.json"


def main() -> None:
    """Write the pacts."""
    with tempfile.TemporaryDirectory() as scratch:
        for (consumer, provider), stories in PAIRS.items():
            for story in stories:
                understood = play(consumer, provider, story, Path(scratch))
                assert understood == story.understood, f"{consumer} takes {story.what} for {understood}"
        shutil.copytree(scratch, COMMITTED, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
