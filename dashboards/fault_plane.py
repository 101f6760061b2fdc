"""Fault plane: which faults are on, what they meet and hit, and what goes through the edges meanwhile."""

from __future__ import annotations

from dashboards.dashboard import Page, Row, edge, run
from dashboards.panels import HALF, RED, THIRD, WHOLE, curves, states
from dashboards.queries import COLLECTOR, Query, during, rate, share
from dashboards.run_overview import ANSWERS

_EDGE = 'edge=~"$edge"'
_HIT = f"workbench_fault_hit_total{{{_EDGE}}}"
_MET = f"workbench_fault_eligible_total{{{_EDGE}}}"
_NO_FAULT = "no fault, or one that counts no hits"
_NOT_TOXIPROXY = "Toxiproxy does not count this"


def page() -> Page:
    """Return the dashboard."""
    return Page(
        uid="workbench-fault-plane",
        title="Fault plane",
        question="Which faults are on, whom do they hit and how hard, and what goes through the plane?",
        variables=[run(), edge()],
        before=[
            states(
                "Which faults are on?",
                during(f"max by (fault, target) (workbench_fault_active{{{COLLECTOR}}})", "{{fault}} on {{target}}"),
                words={0: ("off", "transparent"), 1: ("on", RED)},
                width=WHOLE,
                height=6,
                nothing="no fault was planned",
            )
        ],
        rows=[_faults(), _traffic()],
    )


def _faults() -> Row:
    return Row(
        "Whom do they hit?",
        [
            curves(
                "How many attempts do they meet, hit, let pass?",
                during(rate(_MET, "fault"), "{{fault}}: met"),
                during(rate(_HIT, "fault"), "{{fault}}: hit"),
                during(rate(f"workbench_fault_passed_total{{{_EDGE}}}", "fault"), "{{fault}}: let pass"),
                unit="reqps",
                width=THIRD,
                nothing=_NO_FAULT,
            ),
            curves(
                "Which share of what they meet do they hit?",
                during(share(_HIT, _MET, "fault"), "{{fault}}"),
                unit="percentunit",
                most=1,
                width=THIRD,
                nothing=_NO_FAULT,
            ),
            curves(
                "How long do they hold an attempt?",
                during(
                    f"{rate(f'workbench_fault_delay_seconds_total{{{_EDGE}}}', 'fault')} / ({rate(_HIT, 'fault')} > 0)",
                    "{{fault}}: mean",
                ),
                unit="s",
                width=THIRD,
                nothing=_NO_FAULT,
            ),
        ],
    )


def _traffic() -> Row:
    return Row(
        "What goes through the plane?",
        [
            states("Does it answer?", Query('up{service=~"fault-plane|toxiproxy"}', "{{service}}"), words=ANSWERS),
            curves(
                "How many attempts are made?",
                during(rate(f"workbench_plane_attempts_total{{{_EDGE}}}", "edge"), "{{edge}}"),
                unit="reqps",
                nothing=_NOT_TOXIPROXY,
            ),
            curves(
                "How many connections are open?",
                during(f"sum by (edge) (workbench_plane_connections{{{_EDGE}}})", "{{edge}}"),
                nothing=_NOT_TOXIPROXY,
            ),
            curves(
                "How many bytes do hit attempts carry?",
                during(rate(f"workbench_fault_bytes_in_total{{{_EDGE}}}", "fault"), "{{fault}}: from callers"),
                during(rate(f"workbench_fault_bytes_out_total{{{_EDGE}}}", "fault"), "{{fault}}: to callers"),
                unit="Bps",
                nothing=_NO_FAULT,
            ),
            curves(
                "How many bytes come through Toxiproxy? (counted when a connection ends)",
                during(
                    rate('toxiproxy_proxy_received_bytes_total{proxy=~"$edge"}', "proxy", "direction"),
                    "{{proxy}} {{direction}}",
                ),
                unit="Bps",
                width=HALF,
                nothing="Toxiproxy serves no edge here",
            ),
        ],
    )
