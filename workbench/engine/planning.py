"""Scenario -> Plan: pure; the same scenario and seed give the same plan."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.model.arrivals import Schedule, expected_count, schedule
from workbench.model.faults.base import FaultBase
from workbench.model.makers import NO_SERVERS, Servers, maker_of
from workbench.model.plan import PhaseSlot, Plan, Step
from workbench.model.planes import PlaneName
from workbench.model.scenario import Scenario

MOST_ARRIVALS = 10_000_000
"""More than this no run directory is meant to hold."""


def make_plan(
    scenario: Scenario, *, faults: bool = True, plane: PlaneName = PlaneName.BUILTIN, servers: Servers = NO_SERVERS
) -> tuple[Plan, Schedule]:
    """Unroll a scenario; without faults a surge does not come either.

    Arrivals reach beyond the end by the longest transitions, so that none is ever short. Who makes a fault follows from
    the `plane` on the edges and the `servers` that have Toxiproxy in front of them.

    Raises UsageError for more arrivals than a run can have.
    """
    end_ns = sum(phase.duration for phase in scenario.phases)
    transitions_ns = sum(fault.longest_transition for fault in scenario.faults) or FaultBase.longest_transition
    horizon_ns = end_ns + 2 * transitions_ns  # each fault goes on and off
    bursts = scenario.bursts() if faults else []
    expected = expected_count(scenario.load, horizon_ns, bursts)
    if expected > MOST_ARRIVALS:
        raise UsageError(
            f"{expected:,.0f} journeys are planned, and a run can have {MOST_ARRIVALS:,} at the most",
            hint="choose a lower rate (--rate) or shorter phases",
        )
    arrivals = schedule(scenario.load, horizon_ns, scenario.seed, bursts)
    slots: list[PhaseSlot] = []
    at = 0
    for phase in scenario.phases:
        until = at + phase.duration
        planned = {journey: arrivals.count(at, until, journey) for journey in arrivals.journeys}
        slots.append(PhaseSlot(name=phase.name, role=phase.role, start_ns=at, end_ns=until, arrivals=planned))
        at = until
    plan = Plan(
        seed=scenario.seed,
        phases=slots,
        steps=_steps(scenario, slots),
        end_ns=end_ns,
        horizon_ns=horizon_ns,
        arrivals_digest=arrivals.digest(),
        makers={fault.id: maker_of(fault, plane, servers) for fault in scenario.faults},
    )
    return plan, arrivals


def _steps(scenario: Scenario, slots: list[PhaseSlot]) -> list[Step]:
    steps = [Step(at_ns=0, action="load_on", name="load")]
    for slot in slots:
        steps.append(Step(at_ns=slot.start_ns, action="phase", name=slot.name))
        for fault in scenario.faults:
            if fault.phase == slot.name:
                on = slot.start_ns + fault.schedule.start
                off = slot.end_ns if fault.schedule.duration is None else on + fault.schedule.duration
                steps.append(Step(at_ns=on, action="fault_on", name=fault.id))
                steps.append(Step(at_ns=off, action="fault_off", name=fault.id))
    steps.append(Step(at_ns=slots[-1].end_ns, action="load_off", name="load"))
    # at one moment: faults of the old phase go before the new phase begins and its faults come
    order = {"fault_off": 0, "load_off": 1, "load_on": 2, "phase": 3, "fault_on": 4}
    return sorted(steps, key=lambda step: (step.at_ns, order[step.action]))
