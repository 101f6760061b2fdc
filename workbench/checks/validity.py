"""Was it a fair experiment? Arrivals (V1), generator lag (V2), saturation (V3), services (V5), fair start (V6).

None of these can FAIL: whatever they find wrong is no fault of the system under test.
"""

from __future__ import annotations

from workbench.checks import wording
from workbench.checks.check import Claim
from workbench.checks.deciding import share_at_least
from workbench.checks.sli import Start, generator_lag, tally
from workbench.checks.slo import window_of
from workbench.model.events import Failed, FaultLost, GuardFired, ServiceDied
from workbench.model.history import History
from workbench.model.units import NS_PER_S
from workbench.model.verdict import CheckClass, CheckResult, Evidence, Limit, Outcome, Value, Window

ARRIVED = 0.99
BUSY = 0.8
BUSY_OVER_NS = 5 * NS_PER_S

_ARRIVALS = """
SELECT p.name, count(*), count(r.arrival)
FROM arrivals a
JOIN phases p ON a.intended >= p.start_ns AND a.intended < p.end_ns
LEFT JOIN (SELECT DISTINCT arrival FROM requests WHERE kind = 'journey' AND arrival >= 0) r ON r.arrival = a.arrival
GROUP BY p.name, p.start_ns
ORDER BY p.start_ns
"""


def validity_claim(check: str, text: str, windows: tuple[Window, ...] = ()) -> Claim:
    """Return the frame of a validity result."""
    return Claim(check, check, "validity", text, CheckClass.VALIDITY, windows)


def judge_arrivals(history: History) -> list[CheckResult]:
    """V1: in every phase at least 99 % of the planned arrivals became a journey."""
    windows = tuple(window_of(phase) for phase in history.phases())
    claim = validity_claim("V1", f"at least {wording.share(ARRIVED)} of the planned arrivals became journeys", windows)
    begun = {phase.name for phase in history.phases()}
    missing = [phase.name for phase in history.run.scenario.phases if phase.name not in begun]
    if missing and not history.events(GuardFired):
        return [claim.undecided(f"{wording.listed(missing)} never began")]
    counted = [(name, planned, arrived) for name, planned, arrived in history.rows(_ARRIVALS) if planned]
    if not counted:
        return [claim.undecided("no arrival was planned in any phase that began", n=0)]
    name, planned, arrived = min(counted, key=lambda row: row[2] / row[1])
    share = arrived / planned
    return [
        claim.result(
            Outcome.PASS if share >= ARRIVED else Outcome.INCONCLUSIVE,
            f"{arrived} of {planned} planned arrivals became journeys in {name}, the phase with most missing"
            f" ({wording.share(share)})"
            if share < 1
            else f"all {sum(row[1] for row in counted)} planned arrivals became journeys",
            observed=Value(number=share, unit="ratio"),
            limit=Limit(comparison="at_least", number=ARRIVED, unit="ratio"),
            n=sum(row[1] for row in counted),
        )
    ]


def aborted(history: History) -> bool:
    """Tell whether the guard ended the run: phases that are missing then are no surprise."""
    return any(event.action == "abort" for event in history.events(GuardFired))


def judge_lag(history: History) -> list[CheckResult]:
    """V2: the generator dispatched in time, or what it delayed is judged from both starts.

    So this is PASS beyond the limit too: latency checks take it from there, and say INCONCLUSIVE where the
    lag decides.
    """
    claim = validity_claim("V2", "the load generator was in time, or its delay does not decide anything")
    lag = generator_lag(history)
    if lag.p99_ns is None:
        return [claim.undecided("no journey was dispatched after warmup", n=0)]
    within = f"p99 of the lag was {wording.time(lag.p99_ns)}, {wording.time(lag.limit_ns)} is tolerated"
    reason = f"{within}; so latency is judged from the intended start and from the dispatch"
    return [
        claim.result(
            Outcome.PASS,
            reason if lag.beyond else within,
            observed=Value(number=lag.p99_ns, unit="ns"),
            limit=Limit(comparison="at_most", number=lag.limit_ns, unit="ns"),
            n=lag.journeys,
        )
    ]


def judge_saturation(history: History) -> list[CheckResult]:
    """V3: no load process used more than 80 % of a core over any 5 s."""
    claim = validity_claim("V3", f"the load generator used at most {wording.share(BUSY)} of a core in any 5 s")
    busiest, samples = _busiest(history)
    if busiest is None:
        return [claim.undecided("the CPU time of the load generator was not recorded", n=samples, needed_n=2)]
    return [
        claim.result(
            Outcome.PASS if busiest <= BUSY else Outcome.INCONCLUSIVE,
            f"the load generator used at most {wording.share(busiest)} of a core over 5 s",
            observed=Value(number=busiest, unit="ratio"),
            limit=Limit(comparison="at_most", number=BUSY, unit="ratio"),
            n=samples,
        )
    ]


def _busiest(history: History) -> tuple[float | None, int]:
    """Return the largest share of a core over 5 s (over all there is, if that is less), and the samples seen."""
    rows = history.rows(
        "SELECT pid, time, cpu_s FROM processes WHERE process = 'load' AND time BETWEEN ? AND ? ORDER BY pid, time",
        history.load_start_ns(),
        history.load_end_ns(),
    )
    busiest: float | None = None
    first = 0
    for i, (pid, time, cpu_s) in enumerate(rows):
        while rows[first][0] != pid:
            first += 1
        while first + 1 < i and rows[first + 1][1] <= time - BUSY_OVER_NS:
            first += 1
        _, began, used = rows[first]
        whole = time - began >= BUSY_OVER_NS or i + 1 == len(rows) or rows[i + 1][0] != pid
        if time > began and whole:
            # CPU time is counted in hundredths of a second: more digits than these say nothing.
            busy = round((cpu_s - used) * NS_PER_S / (time - began), 4)
            busiest = busy if busiest is None else max(busiest, busy)
    return busiest, len(rows)


def judge_services(history: History) -> list[CheckResult]:
    """V5: no service died unasked, and the workbench itself did not fail."""
    claim = validity_claim("V5", "every service lived through the run, and so did the workbench")
    died, failed = history.events(ServiceDied), history.events(Failed)
    evidence = [Evidence(kind="log", ref=e.service, text="\n".join(e.log_tail[-5:])) for e in died]
    if died:
        first = died[0]
        also = f", and {wording.count(len(died) - 1, 'other death')}" if len(died) > 1 else ""
        who = f"service {first.service}"
        if first.service not in history.run.system.services:
            who = f"{first.service}, a part of the workbench,"
        reason = f"{who} died {wording.time(first.at_ns)} into the run ({first.status}){also}"
        return [claim.undecided(reason, evidence=evidence)]
    if failed:
        evidence = [Evidence(kind="event", ref=failed[0].event, text=failed[0].message)]
        return [claim.undecided(f"the workbench failed: {failed[0].message}", evidence=evidence)]
    lost = history.events(FaultLost)
    if lost:
        evidence = [Evidence(kind="event", ref=lost[0].event, text=lost[0].reason)]
        return [claim.undecided(f"fault {lost[0].fault} ended before its time: {lost[0].reason}", evidence=evidence)]
    services = len(history.run.system.services)
    return [
        claim.result(
            Outcome.PASS,
            f"none of {wording.count(services, 'service')} died",
            observed=Value(number=0, unit="count"),
            limit=Limit(comparison="at_most", number=0, unit="count"),
            n=services,
        )
    ]


def judge_fair_start(history: History) -> list[CheckResult]:
    """V6: no SLO of the steady state was wholly outside its target in baseline.

    A1 says how it stands with each; this says that what came after an unfair start is not to be believed.
    """
    claim = validity_claim("V6", "the steady state was not broken before any fault")
    skipped = [event for event in history.events(GuardFired) if event.action == "skip_faults"]
    if skipped:
        return [claim.undecided(f"faults were skipped: {skipped[0].reason}", n=skipped[0].total)]
    phase = next(iter(history.phases_of("baseline")), None)
    specs = history.run.scenario.steady_state
    if not specs or phase is None:
        return [claim.not_applicable("no steady state is asked for in a baseline")]
    broken = []
    for spec in specs:
        slo = history.run.slo(spec.slo)
        if slo is None:
            continue
        target = slo.target if spec.target is None else spec.target
        # From both starts: an unfair start is only what no lag of the generator explains.
        seen = [tally(history, slo, window_of(phase), start) for start in (Start.INTENDED, Start.DISPATCHED)]
        if all(share_at_least(t.good, t.total, target).outcome is Outcome.FAIL for t in seen):
            broken.append(f"{spec.slo} ({wording.share(seen[0].share)} where {wording.share(target)} is wanted)")
    if broken:
        return [claim.undecided(f"not a fair start: in baseline {wording.listed(broken)} was already out of band")]
    return [
        claim.result(
            Outcome.PASS,
            f"in baseline no SLO of {len(specs)} was wholly outside its target",
            observed=Value(number=0, unit="count"),
            limit=Limit(comparison="at_most", number=0, unit="count"),
            n=len(specs),
        )
    ]
