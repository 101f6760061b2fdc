"""A service whose database has a bad day: it lives, says what is wrong, loses nothing, and is well again afterwards."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.integration.servers import PostgresqlServer, new_postgresql
from tests.integration.shop.stack import TOKEN, Reply, Shop, wait_until

on_files = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
on_a_server = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)

UNAVAILABLE = "urn:shop:problem:database-unavailable"


@pytest.fixture
def own_server() -> Iterator[PostgresqlServer]:
    """A server of the test's own, to be harmed."""
    server = new_postgresql()
    yield server
    server.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], check=False, capture_output=True)
    if mount.returncode:
        pytest.skip("a disk of its own needs root: run the tests in a container, or with sudo")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def _ready(shop: Shop, service: str) -> tuple[int, str]:
    reply = shop.ask("GET", "/readyz", service=service)
    return reply.status, reply.body.get("type", "")


def _reserve(shop: Shop, key: str) -> Reply:
    body = {"product_id": 1, "quantity": 1}
    return shop.ask("POST", "/v1/reservations", body, service="inventory", headers={"idempotency-key": key})


def _disturb(shop: Shop, method: str, path: str = "", body: Any = None, token: str = TOKEN) -> Reply:
    headers = {"authorization": f"Bearer {token}"}
    return shop.ask(method, f"/disturbances{path}", body, service="inventory", headers=headers)


def _lines(shop: Shop, service: str, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in shop.log(service).splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("event") == event]


@on_files
def test_readiness_goes_with_the_file(make_shop: Callable[..., Shop]) -> None:
    """Away with its file and back with it; alive all the time."""
    shop = make_shop()
    shop.start("provider")
    file = shop.folder / "provider.db"
    file.rename(shop.folder / "elsewhere.db")
    assert _ready(shop, "provider") == (503, "urn:shop:problem:database-away")
    assert shop.ask("GET", "/livez", service="provider").status == 200
    (shop.folder / "elsewhere.db").rename(file)
    assert _ready(shop, "provider") == (200, "")


@on_a_server
def test_readiness_goes_with_the_server(make_shop: Callable[..., Shop], own_server: PostgresqlServer) -> None:
    """Stopped and started again under a running service: problems meanwhile, no restart, and nothing is lost."""
    shop = make_shop(extra={"inventory": {"DATABASE_URL": own_server.new_database()}})
    shop.start("inventory")
    before = [str(uuid.uuid4()) for _ in range(5)]
    assert {_reserve(shop, key).status for key in before} == {201}
    own_server.stop()
    failed = _reserve(shop, "meanwhile")
    assert (failed.status, failed.body["type"], failed.body["cause"]) == (503, UNAVAILABLE, "away")
    assert failed.headers["retry-after"] == "1"
    assert _ready(shop, "inventory") == (503, "urn:shop:problem:database-away")
    assert shop.ask("GET", "/livez", service="inventory").status == 200
    own_server.start()
    wait_until("readiness to come back", lambda: _ready(shop, "inventory")[0] == 200)
    assert _reserve(shop, "meanwhile").status == 201
    assert {row["key"] for row in shop.audit("inventory")["effects"]} == {*before, "meanwhile"}
    assert {line["cause"] for line in _lines(shop, "inventory", "database unavailable")} == {"away"}


@on_a_server
def test_a_server_that_is_away_at_start(make_shop: Callable[..., Shop], own_server: PostgresqlServer) -> None:
    """The service is alive and not ready, tells why in its log, and begins when the server is there."""
    shop = make_shop(extra={"inventory": {"DATABASE_URL": own_server.new_database()}})
    own_server.stop()
    _begins_later(shop, own_server.start)


@on_files
def test_a_file_that_cannot_be_opened_at_start(make_shop: Callable[..., Shop]) -> None:
    """As above, where a folder stands in its place."""
    shop = make_shop()
    (shop.folder / "inventory.db").mkdir()
    _begins_later(shop, (shop.folder / "inventory.db").rmdir)


def _begins_later(shop: Shop, mend: Callable[[], object]) -> None:
    shop.launch("inventory")
    wait_until("signs of life", lambda: _asked(shop, "/livez") == 200)
    assert _ready(shop, "inventory") == (503, "urn:shop:problem:database-away")
    failed = _reserve(shop, "early")
    assert (failed.status, failed.body["type"], failed.headers["retry-after"]) == (503, UNAVAILABLE, "1")
    assert {line["cause"] for line in _lines(shop, "inventory", "database unavailable")} == {"away"}
    mend()
    wait_until("readiness", lambda: _ready(shop, "inventory")[0] == 200)
    assert _reserve(shop, "early").status == 201


def _asked(shop: Shop, path: str) -> int | None:
    try:
        return shop.ask("GET", path, service="inventory").status
    except OSError:
        return None


def test_a_database_newer_than_the_service(make_shop: Callable[..., Shop]) -> None:
    """It does not start, and its log says what helps."""
    shop = make_shop()
    shop.start("inventory")
    shop.stop("inventory")
    _at_revision(shop, "9999")
    shop.launch("inventory")
    assert shop.processes["inventory"].wait(30) != 0
    assert "at revision 9999" in shop.log("inventory")
    assert "run that version, or restore a copy" in shop.log("inventory")


def _at_revision(shop: Shop, revision: str) -> None:
    from sqlalchemy import create_engine, text  # noqa: PLC0415 - the harness starts without it

    url = shop.environment("inventory")["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")
    with create_engine(url).begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))


@on_files
def test_a_full_disk_at_start_and_later(make_shop: Callable[..., Shop], small_disk: Path) -> None:
    """The log and each answer name it; with room again it goes on, and what was promised is there."""
    shop = make_shop(extra={"inventory": {"DATABASE_URL": f"sqlite:///{small_disk}/inventory.db"}})
    with _full(small_disk):
        shop.launch("inventory")
        wait_until("signs of life", lambda: _asked(shop, "/livez") == 200)
        assert _ready(shop, "inventory")[0] == 503
        assert {line["cause"] for line in _lines(shop, "inventory", "database unavailable")} == {"full"}
    wait_until("readiness", lambda: _ready(shop, "inventory")[0] == 200)
    kept = [key for key in map(str, range(20)) if _reserve(shop, key).status == 201]
    with _full(small_disk):
        failed = wait_until("the first that does not fit", lambda: _does_not_fit(shop, kept), within_s=60)
        assert (failed.status, failed.body["cause"]) == (503, "full")
        assert _ready(shop, "inventory")[0] == 200
    assert _reserve(shop, "afterwards").status == 201
    assert {row["key"] for row in shop.audit("inventory")["effects"]} == {*kept, "afterwards"}


def _does_not_fit(shop: Shop, kept: list[str]) -> Reply | None:
    reply = _reserve(shop, key := str(uuid.uuid4()))
    if reply.status == 201:
        kept.append(key)
        return None
    return reply


@contextmanager
def _full(disk: Path) -> Iterator[None]:
    """Leave no room on a disk."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    yield
    ballast.unlink()


@pytest.mark.parametrize(
    ("do", "cause"),
    [("read_only", "read-only"), ("lock", "locked"), ("fail", "away")],
    ids=["read_only", "lock", "fail"],
)
def test_a_disturbed_database_is_answered_with_a_problem(make_shop: Callable[..., Shop], do: str, cause: str) -> None:
    """Ordered by the workbench, under its token only; the audit sees through it; afterwards all is as before."""
    shop = make_shop()
    shop.start("inventory")
    assert _reserve(shop, "before").status == 201
    wanted = {"resource": "database", "do": do, "lease_ms": 600_000}
    assert _disturb(shop, "PUT", "/d1", wanted, token="wrong").status == 401
    assert _disturb(shop, "PUT", "/d1", wanted).status == 200
    failed = _reserve(shop, "during")
    assert (failed.status, failed.body["type"], failed.body["cause"]) == (503, UNAVAILABLE, cause)
    assert failed.headers["retry-after"] == "1"
    assert [row["key"] for row in shop.audit("inventory")["effects"]] == ["before"]
    assert _ready(shop, "inventory")[0] == 200
    ended = _disturb(shop, "DELETE", "/d1").body
    assert ended["hit"] >= 1
    assert ended["eligible"] == ended["hit"] + ended["passed"]
    assert _reserve(shop, "during").status == 201
    assert _disturb(shop, "GET").body == {"disturbances": []}
