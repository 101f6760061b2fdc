"""The shop with real servers and tools in containers: up, faults on the servers, latency-spike with the verdict that it
has natively, and down.

Grafana's image is left out where it is not on this machine; everything else has to be there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.docker.engine import FOLDER_LABEL, NOTHING, docker, images_of, inspected, labelled
from tests.e2e.command import Folder, note, wait_for
from tests.e2e.judged import RUN_WITHIN_S, TRIES, whole_run
from workbench.calls import call, call_json
from workbench.engine.rundir import RunDirectory
from workbench.model.verdict import Outcome

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(TRIES * RUN_WITHIN_S + 1200)]

_UP_WITHIN_S = 240.0
_UNHURRIED = (
    *("--rate", "11/s", "--set", "phases.baseline.duration=38s"),
    *("--set", "phases.fault.duration=38s", "--set", "phases.recovery.duration=45s"),
)
"""Sixteen containers leave two cores less room than the shop has by itself, which gets 20/s; so it takes longer."""

_DELAY_S = 0.7
"""Longer than an answer takes on a busy machine, and shorter than the deadlines of the shop."""


def _placed() -> tuple[str, ...]:
    """Return how the shop is run in full, with what can be had here."""
    grafana = images_of("GRAFANA_IMAGE")
    if docker("image", "ls", "--quiet", grafana):
        return "--runtime", "docker"
    note(f"{grafana} is not on this machine: without Grafana")
    return "--runtime", "docker", "--without", "grafana"


@pytest.fixture
def shop(tmp_path: Path, images: None) -> Iterator[Folder]:
    folder = Folder(tmp_path / "home")
    yield folder
    folder.run("down", within_s=_UP_WITHIN_S)
    folder.kill_all()
    assert NOTHING == labelled(folder.path / ".workbench")


def _rights(container: str) -> dict[str, Any]:
    seen = inspected(container)
    host = seen["HostConfig"]
    return {
        "read-only": host["ReadonlyRootfs"],
        "dropped": host["CapDrop"],
        "options": host["SecurityOpt"],
        "memory": host["Memory"] > 0,
        "root": seen["Config"]["User"].partition(":")[0] in ("", "0", "root"),
        "hosts": {one["HostIp"] for bound in seen["NetworkSettings"]["Ports"].values() for one in bound or []}
        - {"127.0.0.1"},
    }


def _toxiproxy(shop: Folder) -> dict[str, Any]:
    """Return all proxies in front of servers, as the real Toxiproxy has them."""
    name = "com.docker.compose.service=toxiproxy"
    label = f"--filter=label={FOLDER_LABEL}={shop.path / '.workbench'}"
    port = docker("port", docker("ps", "--quiet", f"--filter=label={name}", label), "8474/tcp").rpartition(":")[2]
    found: dict[str, Any] = call_json("GET", f"http://127.0.0.1:{port}/proxies", deadline_s=10)
    return found


def _stock_s(shop: Folder) -> float:
    """Return how long inventory takes to read its stock from PostgreSQL."""
    services = json.loads((shop.path / ".workbench" / "stack.json").read_text("utf-8"))["services"]
    began = time.monotonic()
    call("GET", f"{services['inventory']}/v1/stock/1", deadline_s=30)
    return time.monotonic() - began


def _wait_for_a_quick_answer(shop: Folder) -> None:
    wait_for("a quick answer", lambda: True if _stock_s(shop) < _DELAY_S else None, 60)


def _assert_servers_are_disturbed(shop: Folder) -> None:
    """The answers of PostgreSQL are late, and Redis is away, because Toxiproxy sees to it; and only for a while."""
    _wait_for_a_quick_answer(shop)
    for words in (("db_slow", "inventory-db", "--delay", f"{_DELAY_S:g}s"), ("cache_down", "catalog-cache")):
        added = shop.run("fault", "add", *words, "--for", "300s", within_s=60)
        assert 0 == added.code, added.said()
    proxies = _toxiproxy(shop)
    assert ["latency"] == [toxic["type"] for toxic in proxies["inventory-db"]["toxics"]]
    assert [False, True] == [proxies[name]["enabled"] for name in ("catalog-cache", "orders-db")]
    assert _stock_s(shop) >= _DELAY_S
    services = json.loads((shop.path / ".workbench" / "stack.json").read_text("utf-8"))["services"]
    call("GET", f"{services['catalog']}/v1/products/1", deadline_s=30)  # it comes from the database
    listed = {one["kind"]: one for one in json.loads(shop.run("fault", "list", "--json", within_s=60).stdout)}
    for kind, service in (("db_slow", "inventory"), ("cache_down", "catalog")):
        counts = listed[kind]["counts"]
        assert 0 < counts["hit"] == counts[f"{service}.hit"], listed
        assert counts["hit"] >= 0.8 * counts["eligible"]
    assert 0 == shop.run("fault", "clear", within_s=60).code
    assert all(proxy["enabled"] and proxy["toxics"] == [] for proxy in _toxiproxy(shop).values())
    _wait_for_a_quick_answer(shop)


def test_latency_spike_passes_on_real_servers_and_everything_is_hardened_and_gone_afterwards(shop: Folder) -> None:
    placed = _placed()
    up = shop.run("up", *placed, within_s=_UP_WITHIN_S)
    assert 0 == up.code, up.said()
    for name in ("postgres", "rabbitmq", "redis", "toxiproxy", "prometheus", "jaeger", "faultproxy", "orders"):
        assert f"{name} is ready\n" in up.stderr
    note(up.stdout.splitlines()[0])

    containers = labelled(shop.path / ".workbench")["containers"]
    hardened = {
        "read-only": True,
        "dropped": ["ALL"],
        "options": ["no-new-privileges"],
        "memory": True,
        "root": False,
        "hosts": set(),
    }
    assert dict.fromkeys(containers, hardened) == {one: _rights(one) for one in containers}

    _assert_servers_are_disturbed(shop)

    ended, verdict = whole_run(shop, "latency-spike", *placed, *_UNHURRIED)
    assert Outcome.PASS is verdict.outcome, ended.said()
    _assert_kept(shop)

    assert 0 == shop.run("down", within_s=_UP_WITHIN_S).code
    assert NOTHING == labelled(shop.path / ".workbench")


def _assert_kept(shop: Folder) -> None:
    """What the fault plane, the collector and the real tools have seen is in the run directory."""
    directory = RunDirectory.existing(shop.path / "reports" / "latest")
    collected = [json.loads(line) for line in (directory.folder / "journal.jsonl").read_text().splitlines()]
    rows = next(event["rows"] for event in collected if event["event"] == "collected")
    assert rows["spans"] > 100
    files = [directory.folder / f"{name}.parquet" for name in ("spans", "jaeger")]
    spans, jaeger = (f"SELECT trace_id, span_id FROM '{file}'" for file in files)
    assert [] == duckdb.execute(f"{spans} EXCEPT {jaeger}").fetchall(), "what the collector has and Jaeger has not"
    assert rows["attempts"] > 100
    assert rows["prometheus"] > 1000
