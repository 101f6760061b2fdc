"""Dashboards: what is committed is what the code makes, and what Grafana's own packages allow."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, ValidationError

from tests.dashboards import Panel, dashboards, panels, schema
from workbench.adapters.grafana.provisioning import TAG, UIDS, dashboard_uids
from workbench.model.tools import OVERVIEW, Tool

_ROOT = Path(__file__).resolve().parents[3]
_VALIDATOR = Draft7Validator(schema())
_BUILT_IN = {"__rate_interval", "__range", "__interval"}


@pytest.mark.skipif(find_spec("grafana_foundation_sdk") is None, reason="needs the group dev: grafana-foundation-sdk")
def test_committed_files_are_what_the_code_makes() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "dashboards.generate", "--check"], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert 0 == made.returncode, f"{made.stdout}{made.stderr}\nmake docs renews them"


@pytest.mark.parametrize("uid", dashboard_uids())
def test_grafana_knows_every_key_and_value(uid: str) -> None:
    assert [] == [problem for error in _VALIDATOR.iter_errors(dashboards()[uid]) for problem in explained(error)]


def explained(error: ValidationError) -> list[str]:
    """Return what is wrong; of a panel, by the schema of its own kind."""
    where = "/".join(map(str, error.absolute_path))
    branches: dict[Any, list[ValidationError]] = {}
    for cause in error.context or []:
        branches.setdefault(cause.schema_path[0], []).append(cause)
    if not branches:
        return [f"{where}: {error.message}"]
    own = min(branches.values(), key=lambda all_: (any(c.schema_path[-2] == "type" for c in all_), len(all_)))
    return [f"{where}: {cause.json_path}: {cause.message}" for cause in own]


def _panel(dashboard: dict[str, Any], kind: str) -> Any:
    return next(panel for panel in dashboard["panels"] if panel["type"] == kind)


def _custom(dashboard: dict[str, Any], kind: str) -> Any:
    return _panel(dashboard, kind)["fieldConfig"]["defaults"]["custom"]


_WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an option that no panel has": lambda d: _panel(d, "timeseries")["options"].update(legand={}),
    "an option of another kind of panel": lambda d: _panel(d, "timeseries")["options"].update(mergeValues=True),
    "a field setting of another kind": lambda d: _custom(d, "state-timeline").update(stacking={"mode": "normal"}),
    "a word that is none": lambda d: _panel(d, "timeseries")["options"]["tooltip"].update(mode="many"),
    "a query without its letter": lambda d: _panel(d, "timeseries")["targets"][0].pop("refId"),
    "another data source": lambda d: _panel(d, "stat").update(datasource={"type": "prometheus", "uid": "prometheus"}),
    "a kind of panel that is not there": lambda d: _panel(d, "timeseries").update(type="graph"),
    "a key of a dashboard that is none": lambda d: d.update(autorefresh="5s"),
    "a variable that is refreshed at no known time": lambda d: d["templating"]["list"][0].update(refresh=7),
    "an annotation without a query": lambda d: d["annotations"]["list"][0].pop("target"),
}


@pytest.mark.parametrize("wrong", _WRONG)
def test_what_grafana_does_not_know_is_found(wrong: str) -> None:
    """The schema can fail: without this it might allow anything."""
    dashboard = copy.deepcopy(dashboards()[OVERVIEW])
    assert _VALIDATOR.is_valid(dashboard)
    _WRONG[wrong](dashboard)
    assert not _VALIDATOR.is_valid(dashboard)


@pytest.mark.parametrize("uid", dashboard_uids())
def test_a_dashboard_is_found_by_its_uid_and_its_tag_and_numbers_its_panels(uid: str) -> None:
    dashboard = dashboards()[uid]
    assert (uid, [TAG]) == (dashboard["uid"], dashboard["tags"])
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert sorted(set(numbers)) == numbers
    assert "description" in dashboard


@pytest.mark.parametrize("uid", dashboard_uids())
def test_panels_do_not_overlap(uid: str) -> None:
    cells: set[tuple[int, int]] = set()
    for panel in dashboards()[uid]["panels"]:
        at = panel["gridPos"]
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in own) < 24
        assert not own & cells, panel["title"]
        cells |= own


@pytest.mark.parametrize("panel", list(panels()), ids=str)
def test_a_query_uses_variables_that_its_dashboard_has(panel: Panel) -> None:
    has = {variable["name"] for variable in dashboards()[panel.uid]["templating"]["list"]} | _BUILT_IN
    for query in panel.queries:
        assert set(re.findall(r"\$([A-Za-z_]\w*)", query["expr"])) <= has
        assert query["datasource"]["uid"] == UIDS[Tool.PROMETHEUS]


def test_every_dashboard_can_be_limited_to_a_run() -> None:
    assert {"run"} == set.intersection(*({v["name"] for v in d["templating"]["list"]} for d in dashboards().values()))
    all_variables = {v["name"] for d in dashboards().values() for v in d["templating"]["list"]}
    assert {"run", "service", "edge"} <= all_variables


def test_the_how_to_names_every_dashboard_and_every_question() -> None:
    page = re.sub(r"\s+", " ", (_ROOT / "docs" / "how-to" / "grafana.md").read_text("utf-8"))
    for dashboard in dashboards().values():
        rows = [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"]
        for title in (f"| {dashboard['title']} |", *(f"*{row}*" for row in rows)):
            assert title in page
