from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.shop.stack import Shop


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The whole shop as real processes on SQLite."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    try:
        shop.start()
        yield shop
    finally:
        shop.close()
