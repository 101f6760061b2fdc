"""Starts, finds and ends the stack of a folder. The supervisor does the work; this is its other end."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from workbench.adapters.native.layout import stack_spec
from workbench.adapters.native.ports import Ports, claimed
from workbench.adapters.native.state import State, is_alive
from workbench.calls import NoAnswer, call_json
from workbench.errors import EnvironmentFailure, HarnessError
from workbench.loading.scenario_files import LoadedSystem
from workbench.model.planes import PlaneName
from workbench.model.runtimes import Placement, RuntimeName
from workbench.model.stack import RunningStack
from workbench.model.tools import Tool
from workbench.supervisor.spec import StackSpec

_DOWN_WITHIN_S = {RuntimeName.NATIVE: 30.0, RuntimeName.DOCKER: 90.0}
_STATUS_S = 10.0
_ORDER_S = 5.0

Progress = Callable[[str], None]


class LocalRuntime:
    """The runtimes of one folder: a system as local processes, or as containers of this machine's engine."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._owner: int | None = None
        """Write end of a pipe; while it is open the supervisor knows that we live."""

    def up(
        self,
        loaded: LoadedSystem,
        *,
        port_base: int | None,
        bugs: list[str],
        plane: PlaneName,
        tools: Sequence[Tool],
        placement: Placement,
        owned: bool,
        progress: Progress,
    ) -> RunningStack:
        """Start a system and return it when all of it is ready.

        Raises UsageError for an unknown bug, EnvironmentFailure for a fault plane or tool that is not on this
        machine, or with the last log lines if something did not start.
        """
        loaded.refuse_unknown_bugs(bugs)
        self.state.clear()
        with claimed(loaded.system, port_base, tools) as ports:
            self._write_spec(loaded, ports, owned=owned, bugs=bugs, plane=plane, placement=placement)
            owner = self._launch(progress)
        if owned:
            self._owner = owner
        else:
            os.close(owner)
        stack = self.state.stack()
        if stack is None:
            raise EnvironmentFailure(
                "the stack ended right after its start", hint=f"see {self.state.logs / 'supervisor.log'}"
            )
        return stack

    def _write_spec(
        self,
        loaded: LoadedSystem,
        ports: Ports,
        *,
        owned: bool,
        bugs: list[str],
        plane: PlaneName,
        placement: Placement,
    ) -> None:
        try:
            _layout(placement)(
                loaded,
                ports,
                self.state.folder,
                stack_id=secrets.token_hex(4),
                token=secrets.token_urlsafe(24),
                owned=owned,
                bugs=bugs,
                plane=plane,
                live_token=self.state.live_token(),
            ).write(self.state.spec_file)
        except OSError as error:
            raise EnvironmentFailure(
                f"cannot write {error.filename}: {error.strerror}", hint="free some room, or work in another folder"
            ) from error

    def _launch(self, progress: Progress) -> int:
        """Start the supervisor and wait until all is ready; return the pipe that tells it that we live."""
        reports, reporting = os.pipe()
        owner_read, owner_write = os.pipe()
        launched = subprocess.Popen(
            [sys.executable, "-m", "workbench.supervisor", str(self.state.spec_file), str(owner_read), str(reporting)],
            stdin=subprocess.DEVNULL,
            pass_fds=(owner_read, reporting),
            start_new_session=True,
        )
        os.close(reporting)
        os.close(owner_read)
        launched.wait()  # it leaves a detached process behind
        try:
            self._follow_start(reports, progress)
        except BaseException:
            os.close(owner_write)  # tells the supervisor that nobody waits any more
            raise
        return owner_write

    def _follow_start(self, reports: int, progress: Progress) -> None:
        with os.fdopen(reports, encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line)
                match event["event"]:
                    case "starting":
                        progress(f"loading {event['what']}")
                    case "ready":
                        progress(f"{event['name']} is ready")
                    case "failed":
                        raise EnvironmentFailure(
                            f"the stack did not start: {event['message']}",
                            hint=f"all logs are in {self.state.logs}",
                        )
                    case "up":
                        return
        raise EnvironmentFailure(
            "the supervisor ended before the stack was ready",
            hint=f"see {self.state.logs / 'supervisor.log'}",
        )

    def find(self) -> RunningStack | None:
        """Return the stack that runs from this folder, if there is one."""
        return self.state.stack()

    def live_page(self, stack: RunningStack) -> str:
        """Return the address of the live page, with the token that opens it."""
        return f"{stack.collector_url}/live/?token={self.state.live_token()}"

    def status(self, stack: RunningStack) -> dict[str, Any]:
        """Return the supervisor's view of its processes. Raises HarnessError if it does not answer."""
        try:
            answer: dict[str, Any] = call_json(
                "GET", f"{stack.control_url}/status", token=stack.token, deadline_s=_STATUS_S
            )
        except NoAnswer as error:
            raise HarnessError(f"the supervisor does not answer: {error}", hint="workbench heal") from error
        return answer

    def down(self, stack: RunningStack, *, quick: bool = False) -> None:
        """End a stack and wait until its supervisor is gone. Raises EnvironmentFailure if it does not go."""
        with suppress(NoAnswer):
            url = f"{stack.control_url}/shutdown"
            call_json("POST", url, token=stack.token, body={"quick": quick}, deadline_s=_ORDER_S)
        self.wait_gone(stack, _DOWN_WITHIN_S[stack.runtime])
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None
        self.sweep()

    def sweep(self) -> bool:
        """Remove containers that no supervisor watches over any more; tell whether there were any.

        Raises EnvironmentFailure if the engine does not let us.
        """
        overlay = self.state.folder / "compose.json"
        if not overlay.exists():
            return False
        from workbench.adapters.docker.leftovers import remove  # noqa: PLC0415 - needs an extra

        found = remove(self.state.folder)
        overlay.unlink()
        return found

    def wait_gone(self, stack: RunningStack, within_s: float) -> None:
        """Wait for the supervisor to end; it ends last."""
        supervisor = stack.supervisor
        until = time.monotonic() + within_s
        while supervisor is not None and is_alive(supervisor):
            if time.monotonic() > until:
                raise EnvironmentFailure(
                    f"the stack did not end within {within_s:g} s (supervisor pid {supervisor.pid})",
                    hint=f"kill {supervisor.pid}, everything it started ends with it",
                )
            time.sleep(0.02)

    def leftovers(self, stack: RunningStack) -> list[str]:
        """Return processes of a stack that are still alive."""
        return [f"{name} (pid {p.pid})" for name, p in stack.processes.items() if is_alive(p)]


def _layout(placement: Placement) -> Callable[..., StackSpec]:
    """Return what turns a system into what the supervisor is to start."""
    match placement.runtime:
        case RuntimeName.NATIVE:
            return stack_spec
        case RuntimeName.DOCKER:
            from workbench.adapters.docker.layout import stack_spec as of_containers  # noqa: PLC0415 - needs an extra

            return partial(of_containers, placement=placement)
