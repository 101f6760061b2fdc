"""The shop with real servers and tools in containers: up, latency-spike and down, with the verdict it has natively.

Grafana's image is left out where it is not on this machine; everything else has to be there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.engine import NOTHING, docker, images_of, inspected, labelled
from tests.e2e.command import Folder, note
from tests.e2e.judged import whole_run
from workbench.engine.rundir import RunDirectory
from workbench.model.verdict import Outcome

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_UP_WITHIN_S = 240.0


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


def test_latency_spike_passes_on_real_servers_and_everything_is_hardened_and_gone_afterwards(shop: Folder) -> None:
    placed = _placed()
    up = shop.run("up", *placed, within_s=_UP_WITHIN_S)
    assert 0 == up.code, up.stderr
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

    # 16/s: sixteen containers leave two cores less room than the shop has by itself, which gets 20/s.
    ended, verdict = whole_run(shop, "latency-spike", *placed, "--rate", "16/s")
    assert Outcome.PASS is verdict.outcome, ended.stderr
    _assert_kept(shop)

    assert 0 == shop.run("down", within_s=_UP_WITHIN_S).code
    assert NOTHING == labelled(shop.path / ".workbench")


def _assert_kept(shop: Folder) -> None:
    """What the fault plane, the collector and the real tools have seen is in the run directory."""
    directory = RunDirectory.existing(shop.path / "reports" / "latest")
    collected = [json.loads(line) for line in (directory.folder / "journal.jsonl").read_text().splitlines()]
    rows = next(event["rows"] for event in collected if event["event"] == "collected")
    assert rows["spans"] == rows["jaeger"]
    assert rows["attempts"] > 100
    assert rows["prometheus"] > 1000
