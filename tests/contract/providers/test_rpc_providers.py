"""Each provider, as a real process, answers over gRPC what its consumers need; one that changed is caught."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.consumers.recorded import COMMITTED_RPCS, RPC_PAIRS, file_name
from tests.contract.providers.verifying_rpcs import Reply, verify_call
from tests.integration.shop.stack import Shop


def _calls() -> Iterator[Any]:
    for pair in RPC_PAIRS:
        for call in json.loads((COMMITTED_RPCS / file_name(*pair)).read_text())["calls"]:
            yield pytest.param(call, id=f"{'-'.join(pair)}: {call['description']}")


each_call = pytest.mark.parametrize("call", list(_calls()))


def another(value: object) -> object:
    return value + 1 if isinstance(value, int) else f"{value}-x"


@each_call
def test_a_provider_answers_what_was_recorded(shop: Shop, call: dict[str, Any]) -> None:
    verify_call(call, shop)


@each_call
def test_a_provider_that_answers_another_status_is_caught(shop: Shop, call: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="status"):
        verify_call(call, shop, lambda reply: replace(reply, status=reply.status + 3))


@each_call
def test_a_provider_that_renames_or_changes_a_field_is_caught(shop: Shop, call: dict[str, Any]) -> None:
    for field in call["answer"]:

        def renamed(reply: Reply, field: str = field) -> Reply:
            return replace(reply, data={f"new_{name}" if name == field else name: v for name, v in reply.data.items()})

        def changed(reply: Reply, field: str = field) -> Reply:
            return replace(reply, data={**reply.data, field: another(reply.data[field])})

        for spoil in (renamed, changed):
            with pytest.raises(AssertionError, match=field):
                verify_call(call, shop, spoil)
