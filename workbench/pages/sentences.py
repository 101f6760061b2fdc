"""One sentence for each event, in the words a user reads on the terminal and in the report."""

from __future__ import annotations

from typing import Literal

from workbench.model.events import (
    AnyEvent,
    CleanVerified,
    Collected,
    Failed,
    FaultLost,
    FaultOff,
    FaultOn,
    FaultRequested,
    FaultSkipped,
    FaultUndoRequested,
    GuardFired,
    InterruptedBy,
    LoadStarted,
    LoadStopped,
    MachineProbed,
    PhaseEnded,
    PhaseStarted,
    RunEnded,
    RunStarted,
    ServiceDied,
    Settled,
    StackReady,
    Warned,
)
from workbench.model.units import NS_PER_S

Weight = Literal["detail", "normal", "warning", "bad"]


def sentence(event: AnyEvent) -> tuple[str, Weight]:  # noqa: C901, PLR0911, PLR0912 - one line per event
    """Return what happened, and how much it matters to someone who watches."""
    match event:
        case RunStarted():
            return f"run {event.run_id} begins", "detail"
        case StackReady():
            how = "started" if event.started_by_run else "running already"
            return f"stack {how}: {', '.join(event.services)}", "normal"
        case MachineProbed():
            return (
                f"one journey costs {event.cpu_s_per_journey * 1000:.1f} ms of CPU on this machine; "
                f"{event.planned_per_s:.0f}/s planned, about {event.sustainable_per_s:.0f}/s sustainable"
            ), "detail"
        case LoadStarted():
            return "load on", "normal"
        case LoadStopped():
            rest = f", {event.unfinished} unfinished" if event.unfinished else ""
            return f"load off after {event.journeys} journeys{rest}", "normal"
        case PhaseStarted():
            return f"phase {event.phase} begins", "normal"
        case PhaseEnded():
            return f"phase {event.phase} ends", "detail"
        case FaultRequested():
            return f"fault {event.fault} on {event.target} asked for", "detail"
        case FaultOn():
            return f"fault {event.fault} on {event.target} is ON (verified)", "normal"
        case FaultUndoRequested():
            return f"undoing fault {event.fault} on {event.target}", "detail"
        case FaultOff():
            hits = f", hit {event.counts['hit']} requests" if "hit" in event.counts else ""
            if "packets_hit" in event.counts:
                hits = f", hit {event.counts['packets_hit']} packets"
            return f"fault {event.fault} on {event.target} is OFF (verified){hits}", "normal"
        case FaultLost():
            return f"fault {event.fault} on {event.target} ended before its time: {event.reason}", "bad"
        case FaultSkipped():
            return f"fault {event.fault} is not injected: {event.reason}", "warning"
        case GuardFired():
            what = "the faults are skipped" if event.action == "skip_faults" else "the run ends here"
            return f"{event.reason}; {what}", "bad"
        case ServiceDied():
            return f"{event.service} died unasked: {event.status}", "bad"
        case Warned():
            return event.message + (f"; {event.remedy}" if event.remedy else ""), "warning"
        case InterruptedBy():
            return f"{event.signal}: undoing, then saving what there is", "bad"
        case Failed():
            return f"{event.message}" + (f" ({event.hint})" if event.hint else ""), "bad"
        case Settled():
            waited = f"after {event.waited_ns / NS_PER_S:.1f} s"
            if event.pending:
                return f"{event.pending} pieces of accepted work are still unfinished {waited}", "warning"
            return f"all accepted work is finished ({waited})", "detail"
        case CleanVerified():
            if event.clean:
                return "clean: no fault on, all processes running, ledger empty", "detail"
            left = [*event.faults, *event.processes, *event.ledger]
            return f"not clean: {'; '.join(left)}", "bad"
        case Collected():
            rows = ", ".join(f"{count} {name}" for name, count in event.rows.items())
            return f"collected {rows or 'nothing'}", "detail"
        case RunEnded():
            return "run over", "detail"
