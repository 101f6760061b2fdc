"""Was it a fair experiment? Arrivals (V1), generator lag (V2), saturation (V3), services (V5), fair start (V6).

None of these can FAIL: whatever they find wrong is no fault of the system under test.
"""

from __future__ import annotations

from itertools import groupby, pairwise

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
BUSY_AT_MOST_NS = 7 * NS_PER_S
"""A longer stretch between samples is not taken for one of 5 s."""

COVERED = 0.9
OVERDUE_NS = NS_PER_S * 3 // 2
"""What is measured each second, scrapes and CPU time, is overdue after this; it has to cover this part of the load."""

_ARRIVALS = """
SELECT p.name, count(*), count(r.arrival)
FROM arrivals a
JOIN phases p ON a.intended >= p.start_ns AND a.intended < p.end_ns
LEFT JOIN (SELECT DISTINCT arrival FROM requests WHERE kind = 'journey' AND arrival >= 0) r ON r.arrival = a.arrival
GROUP BY p.name, p.start_ns
ORDER BY p.start_ns
"""

_CPU = "SELECT pid, time, cpu_s FROM processes WHERE process = 'load' AND time BETWEEN ? AND ? ORDER BY pid, time"

_PLANNED = "SELECT journey, count(*) FROM arrivals WHERE intended >= ? AND intended < ? GROUP BY journey"

_NUMBERED = "SELECT count(*), count(DISTINCT arrival), min(arrival), max(arrival) FROM arrivals"

_OF_SCHEDULE = """
SELECT count(*) - count(DISTINCT r.arrival),
       count(*) FILTER (a.arrival IS NULL),
       count(*) FILTER (a.intended <> r.intended OR a.journey <> r.journey)
FROM requests r LEFT JOIN arrivals a ON a.arrival = r.arrival
WHERE r.kind = 'journey' AND r.arrival >= 0
"""


def validity_claim(check: str, text: str, windows: tuple[Window, ...] = ()) -> Claim:
    """Return the frame of a validity result."""
    return Claim(check, check, "validity", text, CheckClass.VALIDITY, windows)


def judge_arrivals(history: History) -> list[CheckResult]:
    """V1: in every phase at least 99 % of the planned arrivals became a journey; each once, and as it was planned."""
    windows = tuple(window_of(phase) for phase in history.phases())
    claim = validity_claim("V1", f"at least {wording.share(ARRIVED)} of the planned arrivals became journeys", windows)
    begun = {phase.name for phase in history.phases()}
    missing = [phase.name for phase in history.run.scenario.phases if phase.name not in begun]
    if missing and not history.events(GuardFired):
        return [claim.undecided(f"{wording.listed(missing)} never began")]
    wrong = [*_not_the_schedule(history), *_not_of_schedule(history)]
    if wrong:
        return [claim.undecided("; ".join(wrong))]
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


def _not_the_schedule(history: History) -> list[str]:
    """Say where the table of arrivals is not what was planned; how far the run came does not matter."""
    wrong = []
    for slot in history.run.plan.phases:
        planned = {journey: n for journey, n in slot.arrivals.items() if n}
        kept = dict(history.rows(_PLANNED, slot.start_ns, slot.end_ns))
        if kept != planned:
            told = f"{wording.count(sum(planned.values()), 'arrival')} in {slot.name}"
            wrong.append(f"the plan has {told}, the schedule has {sum(kept.values())} or of other journeys")
    rows, numbers, first, last = history.row(_NUMBERED)
    if rows and not (rows == numbers == last + 1 and first == 0):
        wrong.append("the arrivals of the schedule are not numbered from 0 without a gap")
    return wrong


def _not_of_schedule(history: History) -> list[str]:
    """Say which journeys are there more than once, or are not those of the schedule."""
    again, unknown, other = history.row(_OF_SCHEDULE)
    wrong = []
    if again:
        wrong.append(f"{wording.count(again, 'journey')} more than there are arrivals that began one")
    if unknown:
        wrong.append(f"{wording.count(unknown, 'journey')} of no arrival of the schedule")
    if other:
        wrong.append(f"{wording.count(other, 'journey')} at another time than in the schedule, or of another kind")
    return wrong


def covered(times: list[int], start: int, end: int, excused: list[tuple[int, int]] | None = None) -> float:
    """Return the part of [start, end] in which the last measurement was not overdue, or could not be expected.

    They come a second apart, a little early or late; counting seconds of the clock that have one would miss some.
    """
    seen = [start, *(time for time in times if start < time < end), end]
    overdue = 0
    for earlier, later in pairwise(seen):
        spared = sum(max(0, min(later, to) - max(earlier, from_)) for from_, to in excused or [])
        overdue += max(0, later - earlier - spared - OVERDUE_NS)
    return 1 - overdue / (end - start) if end > start else 1.0


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
    """V3: no load process used more than 80 % of a core over any 5 s, as far as at least 90 % of the load show."""
    claim = validity_claim("V3", f"the load generator used at most {wording.share(BUSY)} of a core in any 5 s")
    start, end = history.load_start_ns(), history.load_end_ns()
    rows = history.rows(_CPU, start, end)
    processes = [[(time, cpu_s) for _, time, cpu_s in own] for _, own in groupby(rows, key=lambda row: row[0])]
    busy = [share for own in processes if (share := _busiest(own)) is not None]
    if not busy:
        return [claim.undecided("the CPU time of the load generator was not recorded", n=len(rows), needed_n=2)]
    seen = min(covered([time for time, _ in own], start, end) for own in processes)
    if seen < COVERED:
        reason = f"the CPU time of the load generator was recorded over {wording.share(seen)} of the load"
        return [claim.undecided(f"{reason}, not over {wording.share(COVERED)}", n=len(rows))]
    busiest = max(busy)
    return [
        claim.result(
            Outcome.PASS if busiest <= BUSY else Outcome.INCONCLUSIVE,
            f"the load generator used at most {wording.share(busiest)} of a core over 5 s",
            observed=Value(number=busiest, unit="ratio"),
            limit=Limit(comparison="at_most", number=BUSY, unit="ratio"),
            n=len(rows),
        )
    ]


def _busiest(samples: list[tuple[int, float]]) -> float | None:
    """Return the largest share of a core over 5 s (over all there is, if that is less) from (time in ns, CPU s).

    Where samples are so far apart that nobody knows how the time was spread, it counts as used within 5 s.
    """
    busiest: float | None = None
    first = 0
    for i, (time, cpu_s) in enumerate(samples):
        while first + 1 < i and samples[first + 1][0] <= time - BUSY_OVER_NS:
            first += 1
        began, used = samples[first]
        whole = time - began >= BUSY_OVER_NS or i + 1 == len(samples)
        if time > began and whole:
            over = time - began if time - began <= BUSY_AT_MOST_NS else BUSY_OVER_NS
            # CPU time is counted in hundredths of a second: more digits than these say nothing.
            busy = round((cpu_s - used) * NS_PER_S / over, 4)
            busiest = busy if busiest is None else max(busiest, busy)
    return busiest


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
