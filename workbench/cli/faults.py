"""Commands about faults by hand: fault add, list, remove, clear, kinds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.table import Table

from workbench.by_hand import FaultsByHand
from workbench.cli.options import Json
from workbench.cli.rendering import as_json
from workbench.cli.streams import out, say
from workbench.engine.ports import FaultState
from workbench.errors import InvalidInput, Problem, UsageError
from workbench.loading.fault_options import OF_ARGUMENTS, OF_SCENARIOS
from workbench.loading.source import nearest
from workbench.model.faults import KINDS
from workbench.model.faults.base import EdgeFault, FaultBase, ServiceFault
from workbench.model.faults.on_resources import ResourceFault
from workbench.model.faults.partition import Partition
from workbench.model.units import NS_PER_S, Duration
from workbench.wiring import local_stack

Id = Annotated[str, typer.Argument(metavar="ID", help="As `workbench fault list` shows it")]


def add(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="See `workbench fault kinds`")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="An edge caller:callee, a service, or a resource")],
    *,
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="It ends by itself after this")] = "10m",
) -> None:
    """Put a fault on an edge, a service or a resource of the stack that is up. Every key of the kind is an option.

    [bold]Example:[/]  workbench fault add latency orders:payments --delay 800ms --share 30% --for 60s
    [bold]Example:[/]  workbench fault add http_status orders:payments --status 503 --match.path '/v1/*'
    """
    try:
        duration = Duration.parse(lasts)
    except ValueError as error:
        raise InvalidInput([Problem("--for", 0, "", str(error))]) from error
    for state in FaultsByHand(local_stack()).add(kind, target, _options(context.args), duration):
        say(f"fault ON: {described(state)}", "bold magenta")
    say("workbench fault list shows what it does, workbench fault clear ends it", "dim")


def list_(*, json: Json = False) -> None:
    """Show the faults that are on, what they have hit, and when they end by themselves.

    [bold]Example:[/]  workbench fault list
    """
    states = FaultsByHand(local_stack()).on()
    if json:
        as_json([_plain(state) for state in states])
        return
    if not states:
        say("no fault is on")
    for state in states:
        say(described(state), "magenta")
        if state.counts:
            say(f"    {', '.join(_counted(name, number) for name, number in state.counts.items())}")


def remove(fault_id: Id) -> None:
    """Undo one fault.

    [bold]Example:[/]  workbench fault remove latency-orders-payments
    """
    last = FaultsByHand(local_stack()).remove(fault_id)
    say(f"{last.id} on {last.target} is off")


def clear() -> None:
    """Undo all faults.

    [bold]Example:[/]  workbench fault clear
    """
    states = FaultsByHand(local_stack()).clear()
    say("no fault was on" if not states else f"off: {', '.join(f'{state.id} on {state.target}' for state in states)}")


def kinds(kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="Show its options")] = None) -> None:
    """Show the kinds of faults, or the options of one.

    [bold]Example:[/]  workbench fault kinds latency
    """
    table = Table.grid(padding=(0, 2))
    if kind is None:
        for name, model in KINDS.items():
            table.add_row(f"  {name}", _target(model), (model.__doc__ or "").strip().partition("\n")[0])
    elif kind in KINDS:
        for option, default, meaning in _options_of(KINDS[kind]):
            table.add_row(f"  {option}", default, meaning)
    else:
        raise UsageError(f"unknown kind {kind!r}{nearest(kind, list(KINDS))}")
    out.print(table)


def described(state: FaultState) -> str:
    """Return one line about a fault that is on."""
    left_s = _left_s(state)
    ends = "stays until it is taken off" if left_s is None else f"ends by itself in {left_s:.0f} s"
    return f"{state.id} on {state.target} ({state.kind}), {ends}"


def _counted(name: str, number: int) -> str:
    """Return one count in words; those of time are in ns."""
    if not name.endswith("_ns"):
        return f"{name.replace('_', ' ')} {number}"
    return f"{name.removesuffix('_ns').replace('_', ' ')} {Duration(round(number, -6))}"


def _plain(state: FaultState) -> dict[str, Any]:
    left_s = _left_s(state)
    return {
        "id": state.id,
        "target": state.target,
        "kind": state.kind,
        "ends_in_s": None if left_s is None else round(left_s, 3),
        "counts": dict(state.counts),
    }


def _left_s(state: FaultState) -> float | None:
    left_ns = state.left_ns(time.monotonic_ns())
    return None if left_ns is None else left_ns / NS_PER_S


def _target(model: type[FaultBase]) -> str:
    if issubclass(model, EdgeFault):
        return "edge"
    if issubclass(model, ServiceFault):
        return "service"
    if issubclass(model, ResourceFault):
        return model.is_on
    return "services" if issubclass(model, Partition) else "in scenarios"


def _options_of(model: type[BaseModel], outer: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield option, default and meaning of every key, those of nested models with a dot."""
    for key, field in model.model_fields.items():
        name = f"{outer}{field.alias or key}"
        if name in OF_SCENARIOS or name in OF_ARGUMENTS:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _options_of(field.annotation, f"{name}.")
        else:
            default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
            default = "KIND-TARGET" if name == "id" else default
            yield f"--{name.replace('_', '-')}", default, field.description or ""


def _default(value: object) -> str:
    return "" if value is None or not isinstance(value, (str, int, float)) else str(value)


def _key(option: str) -> str:
    """Return the key of an option; what follows `match.header.` is the name of a header and stays as it is."""
    *outer, last = option.split(".")
    if outer[-1:] == ["header"]:
        return ".".join([*outer, last])
    return option.replace("-", "_")


def _options(arguments: list[str]) -> dict[str, str]:
    """Return `--name value` and `--name=value` pairs. Raises InvalidInput for anything else."""
    found: dict[str, str] = {}
    problems = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if not name.startswith("--"):
            problems.append(Problem(argument, 0, "", "is no option; KIND and TARGET come first, then --NAME VALUE"))
        else:
            given = value if equals else next(rest, None)
            if given is None:
                problems.append(Problem(name, 0, "", "has no value"))
            else:
                found[_key(name[2:])] = given
    if problems:
        raise InvalidInput(problems)
    return found
