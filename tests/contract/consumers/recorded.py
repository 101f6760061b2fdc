"""All pacts of the shop, and the calls over gRPC, played anew. `make pacts` writes those that are committed.

python -m tests.contract.consumers.recorded
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.contract.consumers import catalog, gateway, orders, payments
from tests.contract.consumers.rpc_story import RpcStory, document, play_rpc
from tests.contract.consumers.story import Story, play

COMMITTED = Path(__file__).parents[1] / "pacts"

PAIRS: dict[tuple[str, str], tuple[Story, ...]] = {
    ("gateway", "users"): gateway.USERS,
    ("gateway", "catalog"): gateway.CATALOG,
    ("gateway", "orders"): gateway.ORDERS,
    ("gateway", "inventory"): gateway.INVENTORY,
    ("orders", "inventory"): orders.INVENTORY,
    ("orders", "payments"): orders.PAYMENTS,
    ("orders", "notifications"): orders.NOTIFICATIONS,
    ("payments", "provider"): payments.PROVIDER,
}

COMMITTED_RPCS = Path(__file__).parents[1] / "rpcs"

RPC_PAIRS: dict[tuple[str, str], tuple[RpcStory, ...]] = {("catalog", "inventory"): catalog.INVENTORY}
"""Pairs that speak gRPC."""


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
    for (consumer, provider), rpcs in RPC_PAIRS.items():
        played = [play_rpc(consumer, provider, rpc) for rpc in rpcs]
        (COMMITTED_RPCS / file_name(consumer, provider)).write_text(document(consumer, provider, played))


if __name__ == "__main__":
    main()
