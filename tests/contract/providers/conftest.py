from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.providers.states import STOCK_OF_EACH
from tests.integration.shop.stack import Shop


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The whole shop, with little in stock."""
    shop = Shop(tmp_path_factory.mktemp("providers"))
    shop.extra["inventory"] = {"INVENTORY_STOCK_OF_EACH": str(STOCK_OF_EACH)}
    try:
        shop.start()
        yield shop
    finally:
        shop.close()
