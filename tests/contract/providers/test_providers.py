"""Each provider, as a real process, does what its consumers need of it; one that changed is caught, whatever it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.consumers.recorded import COMMITTED, PAIRS, file_name
from tests.contract.providers.answering import Spoil, spoiling
from tests.contract.providers.verifying import verify
from tests.integration.shop.stack import Shop

pairs = pytest.mark.parametrize(("consumer", "provider"), PAIRS, ids=lambda name: name)


@pairs
def test_a_provider_keeps_its_pact(shop: Shop, consumer: str, provider: str) -> None:
    verify(COMMITTED / file_name(consumer, provider), provider, shop.url(provider), shop)


@pairs
def test_a_provider_that_answers_another_status_is_caught(shop: Shop, consumer: str, provider: str) -> None:
    pact = COMMITTED / file_name(consumer, provider)
    for told in interactions(pact):
        with pytest.raises(RuntimeError, match="has status code"):
            verify_spoiled(pact, provider, shop, told["description"], lambda status, body: (status + 3, body))


@pairs
def test_a_provider_that_renames_a_field_is_caught(shop: Shop, consumer: str, provider: str) -> None:
    pact = COMMITTED / file_name(consumer, provider)
    for told in interactions(pact):
        for field in told["response"]["body"]["content"]:
            with pytest.raises(RuntimeError, match="has a matching body"):
                verify_spoiled(pact, provider, shop, told["description"], renaming(field))


def verify_spoiled(pact: Path, provider: str, shop: Shop, only: str, spoil: Spoil) -> None:
    with spoiling(shop.ports[provider], spoil) as url:
        verify(pact, provider, url, shop, only=only)


def renaming(field: str) -> Spoil:
    def spoil(status: int, body: bytes) -> tuple[int, bytes]:
        document = json.loads(body)
        document["new_name"] = document.pop(field)
        return status, json.dumps(document).encode()

    return spoil


def interactions(pact: Path) -> list[Any]:
    told: list[Any] = json.loads(pact.read_text())["interactions"]
    return told
