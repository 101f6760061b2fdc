from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.databases import database_kind, run_on_both  # noqa: F401 - fixtures
from tests.integration.server_rabbitmq import rabbitmq  # noqa: F401 - a fixture
from tests.integration.servers import postgresql  # noqa: F401 - a fixture
from tests.integration.shop.between import Between
from tests.integration.shop.receiver import Receiver
from tests.integration.shop.stack import Shop
from tests.ports import free_ports


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run everything once on each kind of database."""
    run_on_both(metafunc)


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def shop(
    tmp_path_factory: pytest.TempPathFactory,
    receiver: Receiver,
    database_kind: str,  # noqa: F811
) -> Iterator[Shop]:
    """The whole shop in good health. Shared: tests must not harm it."""
    shop = Shop(tmp_path_factory.mktemp("shop"), traces_to=receiver.url)
    try:
        shop.start()
        yield shop
    finally:
        shop.close()


@pytest.fixture
def make_shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Shops of the test's own, to be harmed; the test starts what it needs."""
    shops: list[Shop] = []

    def make(**options: Any) -> Shop:
        folder = tmp_path / f"shop{len(shops)}"
        folder.mkdir()
        shops.append(Shop(folder, **options))
        return shops[-1]

    yield make
    for shop in shops:
        shop.close()


@pytest.fixture
def put_between() -> Iterator[Callable[[Shop, str], Between]]:
    """Puts something between the ends of an edge, named by its variable. Before the caller is started."""
    placed: list[Between] = []

    def place(shop: Shop, variable: str) -> Between:
        caller, callee_port, speaks_grpc = shop.behind(variable)
        (port,) = free_ports(1)
        placed.append(Between(port, callee_port))
        scheme = "" if speaks_grpc else "http://"
        shop.extra.setdefault(caller, {})[variable] = f"{scheme}127.0.0.1:{port}"
        return placed[-1]

    yield place
    for between in placed:
        between.close()
