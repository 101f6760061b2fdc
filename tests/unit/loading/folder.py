"""A folder with a whole small project: a system, its journeys and objectives, and a scenario. Lines are counted on."""

from __future__ import annotations

from pathlib import Path

SYSTEM = """\
version: 1
name: small
services:
  front: {command: ["serve"]}
  orders: {command: ["serve"]}
edges:
  - {caller: front, callee: orders, env: ORDERS_URL}
entry: front
journeys:
  browse: {locustfile: users.py, user: Browse}
  checkout: {locustfile: users.py, user: Checkout}
slos: ["slos/*.yaml"]
"""

SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: browse-fast}
spec:
  service: front
  indicator:
    metadata: {name: browse-fast}
    spec:
      ratioMetric:
        good: {metricSource: {type: workbench, spec: {journey: browse, under: 500ms}}}
        total: {metricSource: {type: workbench, spec: {journey: browse}}}
  objectives:
    - target: 0.95
"""

USERS = """\
from locust import HttpUser


class Browse(HttpUser):
    pass


class Checkout(HttpUser):
    pass
"""

SCENARIO = """\
version: 1
name: spike
title: Orders answers late
hypothesis: Nobody is hurt.
system: ./system.yaml
load:
  mix: {browse: 1, checkout: 1}
  arrivals: {rate: 20/s}
phases:
  - {name: baseline, duration: 10s}
  - {name: fault, duration: 10s}
faults:
  - {id: slow, kind: latency, edge: "front:orders", delay: 800ms}
steady_state:
  - {slo: browse-fast}
expect:
  - {kind: breaker_opens, edge: "front:orders", within: 5s}
abort_when:
  - {slo: browse-fast, below: 50%, for: 5s}
"""


def make(folder: Path) -> Path:
    """Write the project; return the path of its scenario."""
    (folder / "slos").mkdir()
    (folder / "system.yaml").write_text(SYSTEM)
    (folder / "users.py").write_text(USERS)
    (folder / "slos" / "browse-fast.yaml").write_text(SLO)
    (folder / "spike.yaml").write_text(SCENARIO)
    return folder / "spike.yaml"


def edit(path: Path, old: str, new: str) -> None:
    """Replace something that is there exactly once."""
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
    path.write_text(text.replace(old, new))
