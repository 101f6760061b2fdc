"""The pair beside the real Prometheus and Jaeger: ready when scraped, its samples kept, one verdict from either."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.integration.native.rig import Folder, done
from tests.integration.supervisor.marks import nothing_left, wait_until
from workbench.adapters.components.finding import find
from workbench.model.tools import Tool

WITH = ("--with", "prometheus,jaeger")


@pytest.fixture
def tools(pair: Folder) -> Folder:
    """The pair, whose front counts what it answers; skipped where there are no real tools."""
    for tool in (Tool.PROMETHEUS, Tool.JAEGER):
        if find(tool) is None:
            pytest.skip(f"no {tool} on PATH, and WORKBENCH_{tool.upper()} does not name one")
    pair.replace("system.yaml", "ready: /ready}", "ready: /ready, metrics: /metrics}")
    pair.replace("system.yaml", "slos: [answered.yaml]", "slos: [answered.yaml, counted.yaml, often.yaml]")
    return pair


def rows(run: Path, sql: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(sql.format(run=run)).fetchall()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
        return json.loads(answer.read())


def test_up_is_ready_when_every_target_was_scraped_twice(tools: Folder) -> None:
    told = tools.up(*WITH)
    assert {"prometheus", "jaeger"} <= set(told["processes"])
    addresses = told["stack"]["tools"]
    assert ["jaeger", "prometheus"] == sorted(addresses)
    found = get(f"{addresses['prometheus']}/api/v1/query?query=count_over_time(up[1m])")["data"]["result"]
    assert {"front", "collector", "fault-plane"} == {series["metric"]["service"] for series in found}
    assert all(int(series["value"][1]) >= 2 for series in found)
    assert get(f"{addresses['jaeger']}/api/v3/services") is not None
    for tool in addresses:
        opened = tools.workbench("open", tool)
        assert (0, addresses[tool]) == (opened.code, opened.out.strip())
    tools.workbench("open", "grafana").refused(2, "has no grafana", "--with grafana")


def test_everything_listens_on_this_machine_only(tools: Folder) -> None:
    import psutil  # noqa: PLC0415

    tools.up(*WITH)
    for tool in ("prometheus", "jaeger"):
        listening = [c for c in psutil.Process(tools.pid(tool)).net_connections() if c.status == psutil.CONN_LISTEN]
        assert listening
        assert {"127.0.0.1"} == {connection.laddr.ip for connection in listening}


def test_a_run_keeps_samples_alerts_and_answers_and_is_judged_alike(tools: Folder) -> None:
    ran = tools.workbench("run", "counted", *WITH)
    assert 0 == ran.code, ran.out + ran.err
    (run,) = tools.runs()
    record = json.loads((run / "run.json").read_text())
    assert {"prometheus", "jaeger"} == set(record["tools"]) <= set(record["versions"])
    assert [("ALERTS", "firing")] == rows(
        run, "SELECT DISTINCT name, labels ->> 'alertstate' FROM '{run}/prometheus.parquet' WHERE name = 'ALERTS'"
    )
    services = rows(run, "SELECT DISTINCT service FROM '{run}/prometheus.parquet' ORDER BY 1")
    assert [("",), ("collector",), ("fault-plane",), ("front",)] == services
    verdict = json.loads((run / "verdict.json").read_text())
    checks = {check["id"]: check["outcome"] for check in verdict["checks"]}
    assert {"PASS"} == {checks[f"A17:answered-often{part}"] for part in ("", "/clears", "/silent")}
    assert "FAIL" != checks["A16:front-answers@baseline"]
    again = [tools.workbench("judge", str(run), *source, "--json") for source in ((), ("--metrics", "prometheus"))]
    embedded, real = (json.loads(judged.out) for judged in again)
    assert embedded["outcome"] == real["outcome"] == "PASS"
    assert {c["id"]: c["outcome"] for c in embedded["checks"]} == {c["id"]: c["outcome"] for c in real["checks"]}
    nothing_left(tools.mark)


def test_samples_of_both_agree(tools: Folder) -> None:
    """What front counted over the run is the same number by both, within what comes between two scrapes."""
    assert 0 == tools.workbench("run", "asked", *WITH).code
    (run,) = tools.runs()
    counted = "SELECT max(value) - min(value) FROM '{run}/%s.parquet' WHERE name = 'front_answers_total'"
    (embedded,), (real,) = (rows(run, counted % table)[0] for table in ("metrics", "prometheus"))
    assert embedded > 40
    assert abs(embedded - real) <= 30  # two seconds of 15 journeys


def test_a_run_on_a_stack_without_them_is_refused(tools: Folder) -> None:
    tools.up()
    tools.workbench("run", "asked", *WITH).refused(2, "without prometheus, jaeger", "workbench down")
    tools.workbench("run", "counted").refused(2, "--with prometheus")


def test_it_is_not_judged_from_a_tool_that_was_not_there(tools: Folder) -> None:
    assert 0 == tools.workbench("run", "asked").code
    (run,) = tools.runs()
    tools.workbench("judge", str(run), "--metrics", "prometheus").refused(2, "without prometheus", "--with prometheus")


def test_a_target_that_cannot_be_scraped_is_named(tools: Folder) -> None:
    tools.replace("system.yaml", "metrics: /metrics", "metrics: /nothing-here")
    tools.replace("system.yaml", "entry: front", "entry: front\nready_within: 20s")
    failed = tools.workbench("up", "--system", "system.yaml", *WITH)
    assert 4 == failed.code
    assert "prometheus cannot scrape http://127.0.0.1:" in failed.err
    assert "/nothing-here" in failed.err
    nothing_left(tools.mark)


def test_a_tool_that_is_not_here_is_named_with_its_remedy(pair: Folder, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    failed = pair.workbench("up", "--system", "system.yaml", "--with", "prometheus", WORKBENCH_PROMETHEUS=missing)
    assert 4 == failed.code
    assert f"WORKBENCH_PROMETHEUS names {missing}, which cannot be run" in failed.err
    pair.workbench("up", "--with", "promethues").refused(2, "did you mean 'prometheus'?")


def test_the_rules_are_printed_as_the_run_has_them(tools: Folder) -> None:
    printed = tools.workbench("rules", "counted").out
    assert re.search(r"alert: ErrorBudgetBurn", printed)
    assert 0 == tools.workbench("run", "counted", *WITH, "--keep-up").code
    assert printed.strip() == (tools.state / "prometheus" / "rules.yml").read_text().strip()


def test_a_run_that_is_stopped_leaves_no_tool_behind(tools: Folder) -> None:
    runner = tools.start("run", "counted", *WITH)
    tools.wait_for_event("fault_on")
    assert 0 == tools.workbench("stop").code
    assert 143 == done(runner).code
    nothing_left(tools.mark)


def test_a_prometheus_that_was_killed_comes_back(tools: Folder) -> None:
    address = tools.up(*WITH)["stack"]["tools"]["prometheus"]
    before = tools.pid("prometheus")
    os.kill(before, signal.SIGKILL)

    def is_back() -> bool:
        process = tools.status()["processes"]["prometheus"]
        return process["pid"] not in (None, before) and bool(scraped(address))

    wait_until("prometheus scrapes again", is_back)


def scraped(address: str) -> list[Any]:
    try:
        return list(get(f"{address}/api/v1/query?query=up==1")["data"]["result"])
    except OSError:
        return []
