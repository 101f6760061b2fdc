"""Rules of SLOs: what promtool says of them, and when their alerts fire on series that are written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.tools.promtool import check
from workbench.adapters.prometheus.rules import rules
from workbench.adapters.yaml_files import write_yaml
from workbench.loading.locations import scenario_files
from workbench.model.burn_rates import burn_rates
from workbench.model.slo import PromQl, Slo
from workbench.model.tools import Tool
from workbench.pipeline import Request, plan_scenario

RUN_S = 84.0
"""Windows of 7 s and 3 s, 21 s and 3 s, 42 s and 4 s."""


def slo(target: float = 0.95, promql: PromQl | None = None) -> Slo:
    counted = {"journey": "", "outcomes": []} if promql else {"journey": "checkout", "outcomes": ["ok"]}
    return Slo.model_validate(
        {"name": "checkout-complete", "title": "Checkouts are complete", "under": None, "target": target}
        | counted
        | {"promql": promql}
    )


COUNTED = PromQl(good='sum(answers_total{code="200"})', total="sum(answers_total)")


def series(good: str) -> list[dict[str, str]]:
    """Ten journeys a second, of which so many are good (promtool's notation)."""
    return [
        {"series": 'workbench_sli_events_total{slo="checkout-complete"}', "values": "0+10x120"},
        {"series": 'workbench_sli_good_total{slo="checkout-complete"}', "values": good},
    ]


def alerts_at(seconds: int, *windows: tuple[str, str]) -> dict[str, Any]:
    found = []
    for severity, window in windows:
        rate = next(r for r in burn_rates(RUN_S, 0.95) if (r.severity, f"{r.long_s}s") == (severity, window))
        spent = f"{rate.factor:g} times as fast as 0.95 allows, over {rate.long_s} s and {rate.short_s} s"
        labels = {"slo": "checkout-complete", "severity": severity, "window": window}
        said = {"summary": f"Checkouts are complete: the error budget is spent {spent}"}
        found.append({"exp_labels": labels, "exp_annotations": said})
    return {"eval_time": f"{seconds}s", "alertname": "ErrorBudgetBurn", "exp_alerts": found}


FAST, SLOW, TICKET = ("page", "7s"), ("page", "21s"), ("ticket", "42s")


@pytest.mark.parametrize(
    ("good", "expected"),
    [
        ("0+10x120", [alerts_at(s) for s in (1, 10, 40, 80)]),
        # from 30 s on nothing is good, from 50 s on everything
        (
            "0+10x30 300+0x20 310+10x60",
            [
                alerts_at(30),
                alerts_at(36, FAST, SLOW, TICKET),
                alerts_at(50, FAST, SLOW, TICKET),
                alerts_at(56),
                alerts_at(80),
            ],
        ),
        # one in ten is bad: twice what is allowed, which only the ticket says
        ("0+9x120", [alerts_at(60, TICKET)]),
        # one in five is bad: four times what is allowed, which takes the longer windows to be sure
        ("0+8x120", [alerts_at(60, SLOW, TICKET)]),
        # a single bad journey in half a minute is within the budget
        ("0+10x30 309+10x90", [alerts_at(s) for s in (31, 32, 40, 70)]),
    ],
    ids=["silent", "outage", "slow-burn", "burn", "one-failure"],
)
def test_alerts_fire_and_clear_as_they_should(good: str, expected: list[dict[str, Any]], tmp_path: Path) -> None:
    write_yaml(tmp_path / "rules.yml", rules([slo()], RUN_S))
    test = {"interval": "1s", "input_series": series(good), "alert_rule_test": expected}
    write_yaml(tmp_path / "test.yml", {"rule_files": ["rules.yml"], "evaluation_interval": "1s", "tests": [test]})
    check("test", "rules", str(tmp_path / "test.yml"))


def test_a_rule_that_can_never_fire_is_caught(tmp_path: Path) -> None:
    """The planted bug: with its comparison turned round, the same test is red."""
    content = rules([slo()], RUN_S)
    for rule in content["groups"][0]["rules"]:
        rule["expr"] = rule["expr"].replace(">", "<") if "alert" in rule else rule["expr"]
    write_yaml(tmp_path / "rules.yml", content)
    outage = {"interval": "1s", "input_series": series("0+10x30 300+0x60"), "alert_rule_test": [alerts_at(36, FAST)]}
    write_yaml(tmp_path / "test.yml", {"rule_files": ["rules.yml"], "evaluation_interval": "1s", "tests": [outage]})
    with pytest.raises(AssertionError, match="FAILED"):
        check("test", "rules", str(tmp_path / "test.yml"))


def test_counters_of_prometheus_make_alerts_too(tmp_path: Path) -> None:
    write_yaml(tmp_path / "rules.yml", rules([slo(promql=COUNTED)], RUN_S))
    answers = [
        {"series": 'answers_total{code="200"}', "values": "0+10x30 300+0x30"},
        {"series": 'answers_total{code="500"}', "values": "0+0x30 0+10x30"},
    ]
    expected = [alerts_at(29), alerts_at(36, FAST, SLOW, TICKET)]
    test = {"interval": "1s", "input_series": answers, "alert_rule_test": expected}
    write_yaml(tmp_path / "test.yml", {"rule_files": ["rules.yml"], "evaluation_interval": "1s", "tests": [test]})
    check("test", "rules", str(tmp_path / "test.yml"))


@pytest.mark.parametrize("scenario", sorted(scenario_files()))
def test_promtool_takes_the_rules_of_every_scenario(scenario: str, tmp_path: Path) -> None:
    planned = plan_scenario(Request(scenario=scenario, tools=list(Tool)))
    write_yaml(tmp_path / "rules.yml", rules(planned.counted, planned.plan.end_ns / 1e9))
    assert "SUCCESS" in check("check", "rules", str(tmp_path / "rules.yml"))


def test_windows_are_parts_of_the_run_and_never_shorter_than_scrapes_allow() -> None:
    for run_s in (60.0, 85.0, 600.0, 86_400.0):
        rates = burn_rates(run_s, 0.99)
        assert rates[0].severity == "page"
        assert [r.factor for r in rates] == sorted((r.factor for r in rates), reverse=True)
        for rate in rates:
            assert 3 <= rate.short_s < rate.long_s
            assert 6 <= rate.long_s <= max(run_s, 6)


def test_the_budget_that_an_alert_means_is_the_workbooks() -> None:
    """Burn rate = share of the budget x budget's time / window: 6 over a twelfth of the run is half of it."""
    fast = burn_rates(120.0, 0.99)[0]
    assert (10, 3, 6.0) == (fast.long_s, fast.short_s, fast.factor)


def test_an_alert_that_could_never_fire_is_left_out() -> None:
    assert ["ticket"] == [rate.severity for rate in burn_rates(84.0, 0.6)]
