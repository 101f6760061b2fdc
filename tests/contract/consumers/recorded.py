"""All pacts of the shop, played anew. `make pacts` writes those that are committed.

python -m tests.contract.consumers.recorded
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.contract.consumers import orders
from tests.contract.consumers.story import Story, play

COMMITTED = Path(__file__).parents[1] / "pacts"

PAIRS: dict[tuple[str, str], tuple[Story, ...]] = {
    ("orders", "inventory"): orders.INVENTORY,
    ("orders", "payments"): orders.PAYMENTS,
}


def file_name(consumer: str, provider: str) -> str:
    """Return the name of a pact's file."""
    return f"{consumer}-{provider}.json"


def main() -> None:
    """Write the pacts."""
    with tempfile.TemporaryDirectory() as scratch:
        for (consumer, provider), stories in PAIRS.items():
            for story in stories:
                play(consumer, provider, story, Path(scratch))
        shutil.copytree(scratch, COMMITTED, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
