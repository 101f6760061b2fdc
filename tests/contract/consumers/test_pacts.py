"""The committed pacts are what consumers need: each story is played by the consumer's own code against a mock."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.contract.consumers.orders import INVENTORY
from tests.contract.consumers.recorded import COMMITTED, PAIRS, file_name
from tests.contract.consumers.story import play


@pytest.mark.parametrize(("consumer", "provider"), PAIRS, ids=lambda name: name)
def test_consumers_ask_and_understand_what_the_pact_says(tmp_path: Path, consumer: str, provider: str) -> None:
    for story in PAIRS[consumer, provider]:
        assert (story.what, play(consumer, provider, story, tmp_path)) == (story.what, story.understood)
    played, committed = (interactions(folder / file_name(consumer, provider)) for folder in (tmp_path, COMMITTED))
    assert played == committed, "`make pacts` writes it again"


def test_no_pact_is_left_of_a_pair_that_is_gone() -> None:
    assert {file.name for file in COMMITTED.iterdir()} == {file_name(*pair) for pair in PAIRS}


def test_a_consumer_that_asks_for_something_else_is_caught(tmp_path: Path) -> None:
    asks_for_two = INVENTORY[0]
    with pytest.raises(AssertionError, match=r"Expected 2 .* to be equal to 3"):
        play("orders", "inventory", replace(asks_for_two, body={"product_id": 7, "quantity": 3}), tmp_path)


def test_a_consumer_that_needs_more_than_the_pact_says_is_caught(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="invalid"):
        play("orders", "inventory", replace(INVENTORY[0], answer={"condition": "held"}), tmp_path)


def interactions(pact: Path) -> Any:
    return json.loads(pact.read_text())["interactions"]
