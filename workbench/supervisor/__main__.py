"""`python -m workbench.supervisor SPEC.json [OWNER_FD] [REPORT_FD]`: become a stack's supervisor.

Leaves the caller's session and its tree of processes (a CI system that kills the tree must not hit the
watchdog), then starts the stack. Progress goes to REPORT_FD as JSON lines. End of file on OWNER_FD means the
process that asked for the stack is gone: before the stack is ready, or if the stack is its own, it ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.supervisor.control import ControlServer
from workbench.supervisor.guard import Guard
from workbench.supervisor.spec import StackSpec, StartFailure
from workbench.supervisor.stack import Stack

_LOOK_S = 1.0


def main() -> None:
    """Run one stack from start to end."""
    spec = StackSpec.read(Path(sys.argv[1]))
    owner, reports = int(sys.argv[2]), int(sys.argv[3])
    _detach(Path(spec.state_folder) / "logs" / "supervisor.log")
    guard = Guard()
    holding, lifeline = os.pipe()  # read end goes to children; the write end is ours alone
    os.set_inheritable(holding, True)
    os.set_inheritable(lifeline, False)
    guard.lifeline(holding)

    def report(event: dict[str, Any]) -> None:
        with suppress(OSError):
            os.write(reports, json.dumps(event).encode() + b"\n")

    stack = Stack(spec, guard, holding, report)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stack.shutdown.set())
    threading.Thread(target=_watch_owner, args=(owner, stack), daemon=True).start()
    try:
        server = _control_server(spec.control_port, stack)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        stack.start()
    except StartFailure as failure:
        _fail(stack, report, str(failure))
    except OSError as error:
        _fail(stack, report, f"{error.strerror}: {error.filename or 'a pipe or socket of the supervisor'}")
    except Exception:  # noqa: BLE001 - the edge of this process: whatever it was, the caller has to hear of it
        _fail(stack, report, traceback.format_exc())
    else:
        os.close(reports)
        while not stack.shutdown.wait(_LOOK_S) and Path(spec.state_folder).is_dir():
            pass  # without its folder no command could ever find this stack again
        stack.end()
    guard.close()


def _control_server(port: int, stack: Stack) -> ControlServer:
    try:
        return ControlServer(port, stack)
    except OSError as error:
        raise StartFailure(f"the supervisor cannot listen on 127.0.0.1:{port}: {error.strerror}") from error


def _fail(stack: Stack, report: Callable[[dict[str, Any]], None], message: str) -> None:
    stack.quick = True
    stack.end()
    report({"event": "failed", "message": message})


def _watch_owner(owner: int, stack: Stack) -> None:
    """End of file on `owner`: whoever asked for the stack is gone."""
    while not stack.shutdown.is_set():
        readable, _, _ = select.select([owner], [], [], 0.05)
        if readable and not os.read(owner, 64):
            if not stack.ready:
                stack.shutdown.set()
            elif stack.spec.owned:
                stack.runner_gone()
            return


def _detach(log: Path) -> None:
    """Become a process of its own: new session, parent 1, no terminal."""
    if os.fork():
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


if __name__ == "__main__":
    main()
