"""`workbench`: the table of commands, and the edge where every error becomes a message and an exit code."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer
from pydantic import ValidationError

from workbench.cli import components, doctor, faults, planes, results, scenarios, stacks
from workbench.cli.streams import guarded, last_line, progress, show_error
from workbench.errors import Interrupted, UsageError, WorkbenchError
from workbench.model.outcome import Exit

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def _interruptible(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turn Ctrl-C into one of our errors: typer would end without a word."""

    @functools.wraps(command)
    def call(*args: Parameters.args, **options: Parameters.kwargs) -> Result:
        try:
            return command(*args, **options)
        except KeyboardInterrupt:
            raise Interrupted("SIGINT") from None

    return call


app = typer.Typer(
    name="workbench",
    help="Evidence that circuit breakers, retries, fallbacks and SLOs hold.",
    epilog="Start with:  workbench run latency-spike",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

for command in (
    scenarios.run,
    scenarios.list_,
    scenarios.plan,
    scenarios.rules,
    scenarios.validate,
    stacks.build,
    stacks.up,
    stacks.down,
    stacks.status,
    stacks.logs,
    stacks.stop,
    stacks.heal,
    results.judge,
    results.report,
    results.gate,
    results.open_,
    results.prune,
    doctor.doctor,
    doctor.version,
):
    app.command(command.__name__.rstrip("_"))(_interruptible(command))
app.command("faultproxy", cls=planes.GoFlags)(_interruptible(planes.faultproxy))

fault = typer.Typer(help="Faults by hand, while exploring: on at once, gone by themselves.", no_args_is_help=True)
fault.command("add", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    _interruptible(faults.add)
)
fault.command("list")(_interruptible(faults.list_))
fault.command("remove")(_interruptible(faults.remove))
fault.command("clear")(_interruptible(faults.clear))
fault.command("kinds")(_interruptible(faults.kinds))
app.add_typer(fault, name="fault")

component = typer.Typer(help="Real tools beside a stack: which are here, how to get them.", no_args_is_help=True)
component.command("list")(_interruptible(components.list_))
component.command("install")(_interruptible(components.install))
component.command("path")(_interruptible(components.path))
app.add_typer(component, name="components")


def main() -> None:
    """Run one command and exit with its code."""
    with guarded():
        code = _run()
    sys.exit(code)


def _given(error: typer.TyperException) -> str:
    """Return the value that an option refused: typer's own words leave it out."""
    cause = error.__cause__
    return f" (got {cause.errors()[0]['input']!r})" if isinstance(cause, ValidationError) else ""


def _command_path() -> str:
    """Return the command that was asked for; typer does not know it where an option lacks its value."""
    path, command = "workbench", typer.main.get_command(app)
    for argument in sys.argv[1:]:
        inner = getattr(command, "commands", {}).get(argument)
        if inner is None:
            break
        path, command = f"{path} {argument}", inner
    return path


def _run() -> int:  # noqa: PLR0911 - one line per kind of end
    try:
        code = app(standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        last_line(Exit.SIGINT, to_stdout=False)
        return Exit.SIGINT
    except typer.TyperException as error:
        if not error.format_message():  # `workbench` alone: the help was printed
            return Exit.USAGE
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else _command_path()
        show_error(UsageError(error.format_message() + _given(error), hint=f"{path} --help"))
        last_line(Exit.USAGE, to_stdout=False)
        return Exit.USAGE
    except WorkbenchError as error:
        show_error(error)
        last_line(error.exit_code, to_stdout=False)
        return error.exit_code
    except Exception:  # noqa: BLE001 - the edge: nothing may leave a bare traceback as its only word
        traceback.print_exc()
        progress("this is a defect of the workbench; please report it with the lines above", "bold red")
        last_line(Exit.FAILED, to_stdout=False)
        return Exit.FAILED
    return code if isinstance(code, int) else Exit.PASS
