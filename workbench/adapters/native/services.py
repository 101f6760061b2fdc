"""The system under test as the engine sees it: deaths, accounts, CPU, breaker states."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psutil
from pydantic import ValidationError

from workbench.adapters.collector_client import CollectorClient
from workbench.adapters.native.runtime import LocalRuntime
from workbench.adapters.native.session import StackSession
from workbench.adapters.process_client import ProcessClient
from workbench.calls import NoAnswer, call, call_json
from workbench.engine.ports import Death
from workbench.errors import HarnessError
from workbench.model.audit import Audit
from workbench.model.policies import Policies
from workbench.model.stack import RunningStack
from workbench.model.system import System

_UNDO_S = 90.0
"""Beyond what the supervisor waits for a fault plane that comes back, is found hanging and is replaced."""

_BREAKER_STATES = {0: "closed", 1: "half open", 2: "open"}


class StackServices:
    """One stack, attached to."""

    def __init__(self, runtime: LocalRuntime, stack: RunningStack, system: System, session: StackSession) -> None:
        self._runtime = runtime
        self._stack = stack
        self._system = system
        self._session = session

    def deaths(self) -> list[Death]:
        """Return unasked ends since the last call. Raises HarnessError if the supervisor itself is gone."""
        if self._session.lost:
            raise HarnessError(
                "the supervisor of the stack is gone, and with it every service",
                hint="workbench up starts a new one",
            )
        events = self._session.events()
        for event in events:
            if event["event"] == "engine_lost":
                raise HarnessError(event["why"], hint="docker info says whether it is back; then workbench down")
        return [
            Death(event["name"], event["status"], event["log_tail"]) for event in events if event["event"] == "died"
        ]

    def watch_over(self, processes: dict[str, int]) -> None:
        """Have the supervisor end these processes should we die, and the collector measure them."""
        self._session.watch_over(processes)

    def policies(self) -> Policies:
        """Return what all callers say they do, by edge; what system.yaml says fills the gaps."""
        edges = {edge.name: edge.policy for edge in self._system.edges if edge.policy is not None}
        for name, service in self._system.services.items():
            if service.policies is not None:
                said = self._get(name, service.policies)
                try:
                    edges.update(Policies.model_validate(said).edges)
                except ValidationError as error:
                    raise HarnessError(
                        f"{name}{service.policies} does not answer policies as they are documented: {error}",
                        hint="docs/reference/system.md shows the format",
                    ) from error
        return Policies(edges=edges)

    def audits(self) -> dict[str, Audit]:
        """Return the account of every service that declares one."""
        accounts = {}
        for name, service in self._system.services.items():
            if service.audit is not None:
                try:
                    accounts[name] = Audit.model_validate(self._get(name, service.audit))
                except ValidationError as error:
                    raise HarnessError(
                        f"{name}{service.audit} does not answer an audit as documented: {error}"
                    ) from error
        return accounts

    def flush_spans(self) -> bool:
        """Ask every service that offers it to send its spans now. False: some that sends spans could not be asked."""
        all_asked = True
        for name, service in self._system.services.items():
            if service.traces:
                all_asked &= service.flush is not None and self._flushed(name, service.flush)
        return all_asked

    def _flushed(self, service: str, path: str) -> bool:
        try:
            call("POST", f"{self._stack.services[service]}{path}", token=self._stack.token, deadline_s=3.0)
        except NoAnswer:
            return False
        return True

    def cpu_seconds(self) -> float:
        """Return what all processes of the stack have used so far; one that is gone no longer counts."""
        total = 0.0
        for process in self._stack.processes.values():
            with suppress(psutil.Error):
                times = psutil.Process(process.pid).cpu_times()
                total += times.user + times.system
        return total

    def breakers(self) -> dict[str, str]:
        """Return the latest breaker states that were scraped; nothing if the collector does not answer."""
        return breakers(CollectorClient(self._stack.collector_url, self._stack.token, deadline_s=0.5))

    def force_undo(self) -> None:
        """Have the supervisor undo all faults. Raises HarnessError if it does not answer."""
        force_undo(self._stack)

    def leftovers(self) -> list[str]:
        """Return services that have ended, and processes that are stopped."""
        status = self._runtime.status(self._stack)
        wrong = [
            f"{name}: {p['ended'] or 'not running'}" for name, p in status["processes"].items() if p["pid"] is None
        ]
        for name, pid in status["pids"].items():
            with suppress(psutil.Error):
                if psutil.Process(pid).status() == psutil.STATUS_STOPPED:
                    wrong.append(f"{name}: stopped")
        return wrong

    def _get(self, service: str, path: str) -> Any:
        try:
            return call_json("GET", f"{self._stack.services[service]}{path}", token=self._stack.token, deadline_s=10.0)
        except NoAnswer as error:
            raise HarnessError(f"{service} does not answer: {error}", hint=f"workbench logs {service}") from error


def breakers(collector: CollectorClient) -> dict[str, str]:
    """Return what every breaker was at its service's last scrape, by edge; nothing if the collector does not answer."""
    with suppress(HarnessError):
        return {
            sample.labels["edge"]: _BREAKER_STATES.get(int(sample.value), "unknown")
            for sample in collector.live()
            if sample.name == "workbench_breaker_state" and "edge" in sample.labels
        }
    return {}


def force_undo(stack: RunningStack) -> None:
    """Have a supervisor undo all faults, by replacing the fault plane if need be. Raises HarnessError.

    When this returns they are verified to be off: edges are open, services run and are ready.
    """
    supervisor = ProcessClient("supervisor", "supervisor", stack.control_url, stack.token, _UNDO_S)
    try:
        supervisor.send("POST", "/undo", "{}")
    except HarnessError as error:
        raise HarnessError(error.message, hint="workbench down") from error
