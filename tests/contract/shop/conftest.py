from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.shop.stack import Shop


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The whole shop as real processes on SQLite, and nobody is asked to wait."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.extra["gateway"] = {"GATEWAY_USER_RATE": "100000/second", "GATEWAY_ADDRESS_RATE": "100000/second"}
    try:
        shop.start()
        yield shop
    finally:
        shop.close()
