"""The committed calls over gRPC are what consumers need: each is made by the consumer's own code to a stub."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.consumers.catalog import INVENTORY
from tests.contract.consumers.recorded import COMMITTED_RPCS, RPC_PAIRS, file_name
from tests.contract.consumers.rpc_story import document, play_rpc


@pytest.mark.parametrize(("consumer", "provider"), RPC_PAIRS, ids=lambda name: name)
def test_consumers_ask_and_understand_what_is_committed(consumer: str, provider: str) -> None:
    played = [play_rpc(consumer, provider, story) for story in RPC_PAIRS[consumer, provider]]
    committed = (COMMITTED_RPCS / file_name(consumer, provider)).read_text()
    assert document(consumer, provider, played) == committed, "`make pacts` writes it again"


def test_nothing_is_left_of_a_pair_that_is_gone() -> None:
    assert {file.name for file in COMMITTED_RPCS.iterdir()} == {file_name(*pair) for pair in RPC_PAIRS}


def test_a_consumer_that_asks_for_something_else_is_caught() -> None:
    with pytest.raises(AssertionError, match=r"catalog asks .*GetStock \{'product_id': 501\}"):
        play_rpc("catalog", "inventory", replace(INVENTORY[0], request={"product_id": 3}))


def test_a_consumer_that_asks_another_method_is_caught() -> None:
    with pytest.raises(AssertionError, match=r"catalog asks /shop\.inventory\.v1\.Inventory/GetStock"):
        play_rpc(
            "catalog", "inventory", replace(INVENTORY[0], method="/shop.inventory.v1.Inventory/Release", answer={})
        )


def test_a_consumer_that_understands_something_else_is_caught() -> None:
    with pytest.raises(AssertionError, match="'level': 'low'"):
        play_rpc("catalog", "inventory", replace(INVENTORY[0], answer={"on_hand": 9}))
