"""Can this machine carry the planned load? Asked before it starts, in a second, and answered with one remedy."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.model.events import MachineProbed, Warned
from workbench.model.plan import Plan
from workbench.model.units import NS_PER_S, Rate

_COMFORTABLE = 0.7
"""Part of all cores that the stack may use; beyond it queues grow and the numbers tell of the machine."""


_IMPOSSIBLE = 2.0
"""Times what all cores could do; the probe's estimate is off by less than that."""

_TICK_S = 0.01
"""In such steps systems account for CPU time: a probe that seems to have cost nothing may have cost almost one."""


def assess(
    plan: Plan, *, journeys: int, cpu_s: float, cores: int, at_ns: int, allowed: bool
) -> tuple[MachineProbed, Warned | None]:
    """Return what the probe found, and a warning if the planned rate is more than the machine sustains.

    Raises UsageError for a rate that no luck can reach, unless that is `allowed`.
    """
    per_journey = max(cpu_s, _TICK_S) / journeys
    sustainable = _COMFORTABLE * cores / per_journey
    planned = max(sum(slot.arrivals.values()) * NS_PER_S / (slot.end_ns - slot.start_ns) for slot in plan.phases)
    probed = MachineProbed(
        at_ns=at_ns,
        journeys=journeys,
        cpu_s_per_journey=per_journey,
        cores=cores,
        sustainable_per_s=sustainable,
        planned_per_s=planned,
    )
    if planned > _IMPOSSIBLE * sustainable / _COMFORTABLE and not allowed:
        raise UsageError(
            f"{planned:.0f} journeys/s are planned, and this machine sustains about {sustainable:.0f}/s"
            f" ({per_journey * 1000:.0f} ms of CPU each on {cores} cores)",
            hint=f"--rate {Rate(max(int(sustainable), 1))} fits; --allow-inconclusive runs it nevertheless",
        )
    if planned <= sustainable:
        return probed, None
    rate = Rate(max(int(sustainable), 1))
    return probed, Warned(
        at_ns=at_ns,
        message=f"this machine sustains about {sustainable:.0f} journeys/s ({per_journey * 1000:.0f} ms of CPU each on "
        f"{cores} cores); {planned:.0f}/s are planned, so the run may come out INCONCLUSIVE",
        remedy=f"run with --rate {rate}",
    )
