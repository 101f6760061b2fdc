"""Every query of every panel is asked of a real Prometheus after a real run with a fault, and has an answer.

No Grafana could be run where this was written; its own part is to draw what comes back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dashboards import Panel, Shown, dashboards, panels
from tests.e2e.command import Folder, wait_for
from tests.integration.native.rig import Folder as Pair
from workbench.adapters.components.finding import find
from workbench.adapters.jaeger.client import JaegerClient
from workbench.model.tools import OVERVIEW, Tool

RUN_WITHIN_S = 200.0
TRIES = 3
SHORT = {"warmup": "3s", "baseline": "10s", "fault": "15s", "recovery": "20s"}

SERVICE = {
    "What comes of looking into its cache?": "catalog",
    "How do messages end that it gets?": "notifications",
}
"""Whom to ask what the other services do not have; all else is asked of `orders`."""

NOTHING_HAPPENED = {
    "What was lost in the time that is shown?",
    "Which share do they fail?",
    "How many attempts find the bulkhead full?",
    "How many attempts do they meet, hit, let pass?",
    "How many bytes do hit attempts carry?",
    "What do hedges and deadlines do?",
    "Which share of attempts fails?",
}
"""Panels with a query that may have nothing but zeros to show after a fault that hits everything."""

OF_TOXIPROXY = "How many bytes come through Toxiproxy? (counted when a connection ends)"

PANELS = [panel for panel in panels() if panel.title != OF_TOXIPROXY]


@dataclass(frozen=True)
class Ran:
    """A run with a fault, on a stack that is still up."""

    run: Path
    jaeger: str
    prometheus: str

    def shown(self, **variables: str) -> Shown:
        """Return its time and a little more, with these variables and everything else chosen."""
        record = json.loads((self.run / "run.json").read_text("utf-8"))
        start_s = record["zero"]["wall_ns"] / 1e9
        events = [json.loads(line) for line in (self.run / "journal.jsonl").read_text("utf-8").splitlines()]
        end_s = start_s + events[-1]["at_ns"] / 1e9
        chosen = {"run": self.run.name, "service": ".*", "edge": ".*", "slo": ".*"} | variables
        return Shown(self.prometheus, start_s - 5, end_s + 5, chosen)

    def fault_window_s(self) -> tuple[float, float]:
        """Return when its fault was on, in seconds since 1970, as the journal has it."""
        zero_s = json.loads((self.run / "run.json").read_text("utf-8"))["zero"]["wall_ns"] / 1e9
        events = [json.loads(line) for line in (self.run / "journal.jsonl").read_text("utf-8").splitlines()]
        on, off = (next(e["at_ns"] for e in events if e["event"] == name) for name in ("fault_on", "fault_off"))
        return zero_s + on / 1e9, zero_s + off / 1e9


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """`latency-spike`, shortened: orders:payments answers late, its breaker opens, orders are queued instead."""
    for tool in (Tool.PROMETHEUS, Tool.JAEGER):
        if find(tool) is None:
            pytest.skip(f"no {tool} on PATH, and WORKBENCH_{tool.upper()} does not name one")
    folder = Folder(tmp_path_factory.mktemp("dashboards") / "home")
    words = ["run", "latency-spike", "--with", "prometheus,jaeger", "--keep-up", "--allow-inconclusive"]
    words += ["--rate", "6/s"]
    words += [word for name, length in SHORT.items() for word in ("--set", f"phases.{name}.duration={length}")]
    try:
        for _ in range(TRIES):  # a machine that is too busy gets no fault
            ended = folder.run(*words, within_s=RUN_WITHIN_S)
            run = (folder.path / "reports" / "latest").resolve()
            if '"fault_off"' in (run / "journal.jsonl").read_text("utf-8"):
                break
        else:
            raise AssertionError(f"no fault was injected\n{ended.said()}")
        tools = folder.stack()["tools"]
        yield Ran(run, tools["jaeger"], tools["prometheus"])
        folder.run("down")
    finally:
        folder.kill_all()


@pytest.mark.timeout(TRIES * RUN_WITHIN_S)
@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_a_panel_has_something_to_show(panel: Panel, ran: Ran) -> None:
    service = SERVICE.get(panel.title, "orders" if panel.uid == "workbench-service" else ".*")
    for chosen in (ran.shown(service=service), ran.shown(service=service, run=".*")):
        for query in panel.queries:
            series = chosen.answer(query)
            assert series, f"query {query['refId']} has no answer: {chosen.filled(query['expr'])}"
            if panel.title not in NOTHING_HAPPENED:
                assert any(any(values) for _, values in series), f"query {query['refId']} has only zeros"


@pytest.mark.parametrize("uid", dashboards())
def test_every_variable_has_values_to_choose_from(uid: str, ran: Ran) -> None:
    for variable in dashboards()[uid]["templating"]["list"]:
        metric, label = variable["query"].removeprefix("label_values(").removesuffix(")").split(", ")
        values = ran.shown().ask(f"/api/v1/label/{label}/values", **{"match[]": metric})
        assert values, variable["query"]
        if variable["name"] == "run":
            assert ran.run.name in values


def test_another_run_shows_nothing_of_this_one(ran: Ran) -> None:
    """The run is no label of what is measured, and yet it can be chosen."""
    for panel in (panel for panel in PANELS if panel.uid == OVERVIEW):
        joined = [query for query in panel.queries if "workbench_run_info" in query["expr"]]
        assert all(ran.shown(run="another-run").answer(query) == [] for query in joined), panel.title


def test_the_window_of_a_fault_is_an_annotation_without_grafanas_database(ran: Ran) -> None:
    """Grafana makes a window of values above 0 that are a step apart (annotations.ts of @grafana/prometheus).

    Where the collector could not be scraped in time there is a gap, for which nobody else is to blame.
    """
    (metric, *_) = dashboards()[OVERVIEW]["annotations"]["list"]
    shown = ran.shown()
    expr = shown.filled(metric["target"]["expr"])
    stretch = {"start": str(int(shown.start_s)), "end": str(int(shown.end_s)), "step": "1"}
    (series,) = shown.ask("/api/v1/query_range", query=expr, **stretch)["result"]
    assert {"fault": "slow-payments", "target": "orders:payments"} == series["metric"]
    (up,) = shown.ask("/api/v1/query_range", query='up{service="collector"}', **stretch)["result"]
    on, scraped = ([at_s for at_s, value in one["values"] if float(value) > 0] for one in (series, up))
    assert on == [at_s for at_s in scraped if on[0] <= at_s <= on[-1]]
    began_s, ended_s = ran.fault_window_s()
    assert began_s - 3 < on[0] <= next(at_s for at_s in scraped if at_s > began_s + 2)
    assert max(at_s for at_s in scraped if at_s < ended_s - 2) <= on[-1] < ended_s + 3


def test_a_point_of_a_panel_leads_to_its_trace(ran: Ran) -> None:
    with_points = [(panel, query) for panel in PANELS for query in panel.queries if query["exemplar"]]
    assert {OVERVIEW, "workbench-service"} == {panel.uid for panel, _ in with_points}
    jaeger = JaegerClient(ran.jaeger)
    for panel, query in with_points:
        found = ran.shown(service="orders").trace_ids(query)
        assert {"orders"} == set(found), f"{panel}: points of {sorted(found)}"
        trace_id = max(found["orders"])
        spans = jaeger.trace(trace_id)
        assert any("orders" in row for row in spans), f"{panel}: {trace_id} is not in Jaeger"


def test_toxiproxy_tells_the_bytes_of_its_edges(tmp_path: Path) -> None:
    for tool in (Tool.PROMETHEUS, Tool.TOXIPROXY):
        if find(tool) is None:
            pytest.skip(f"no {tool} on PATH, and WORKBENCH_{tool.upper()} does not name one")
    pair = Pair(tmp_path / "pair")
    (panel,) = (panel for panel in panels() if panel.title == OF_TOXIPROXY)
    try:
        prometheus = pair.up("--with", "prometheus,toxiproxy")["stack"]["tools"]["prometheus"]

        def bytes_per_s() -> set[str] | None:
            pair.ask()
            shown = Shown(prometheus, time.time() - 30, time.time(), {"run": ".*", "edge": ".*"})
            seen = {labels["proxy"] for labels, values in shown.answer(panel.queries[0]) if any(values)}
            return seen or None

        assert {"front:back"} == wait_for("bytes in the panel", bytes_per_s, 60.0)
    finally:
        pair.end()
