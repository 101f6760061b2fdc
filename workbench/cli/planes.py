"""The fault plane alone: `workbench faultproxy`, in place of a Toxiproxy server."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import typer.core

from workbench.adapters.native.ports import holder
from workbench.cli.streams import progress, say
from workbench.errors import EnvironmentFailure
from workbench.faultproxy.options import Options
from workbench.loading.plane_files import load_proxies
from workbench.serving import token_from_environment

_SWITCHES = ("runtime-metrics", "proxy-metrics", "version", "help")
_ON = ("1", "t", "T", "true", "TRUE", "True")
_OFF = ("0", "f", "F", "false", "FALSE", "False")


class GoFlags(typer.core.TyperCommand):
    """Takes options as Go programs do: with one dash or two, and switches with `=true` or `=false`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # vendored click
        return super().parse_args(ctx, [argument for argument in map(_as_ours, args) if argument])


def _as_ours(argument: str) -> str:
    """Return an option with two dashes; "" for a switch that is off."""
    name, equals, value = argument.lstrip("-").partition("=")
    if not argument.startswith("-") or len(name) < 2:
        return argument
    if equals and name in _SWITCHES and value in _ON + _OFF:
        return f"--{name}" if value in _ON else ""
    return f"--{name}{equals}{value}"


def faultproxy(
    *,
    port: Annotated[int, typer.Option("--port", help="Port of the API; 0 takes a free one", min=0, max=65535)] = 8474,
    host: Annotated[
        str, typer.Option("--host", help="Host of the API; any but loopback lets other machines in", metavar="HOST")
    ] = "localhost",
    config: Annotated[
        Path | None, typer.Option("--config", help="JSON file with proxies, and their toxics", metavar="FILE")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the chance in toxics", metavar="N")] = None,
    runtime_metrics: Annotated[
        bool, typer.Option("--runtime-metrics", help="Metrics of the process in GET /metrics")
    ] = False,
    proxy_metrics: Annotated[
        bool, typer.Option("--proxy-metrics", help="Toxiproxy's metrics of proxies in GET /metrics")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print which Toxiproxy it stands in for")] = False,
) -> None:
    """Run the fault plane alone, in place of toxiproxy-server: same flags, same API, and more.

    [bold]Example:[/]  workbench faultproxy --port 8474
    [bold]Example:[/]  workbench faultproxy --config proxies.json --proxy-metrics
    """
    # a web server that no other command needs to wait for
    from workbench.faultproxy.main import run_alone  # noqa: PLC0415
    from workbench.faultproxy.toxiproxy.api import VERSION  # noqa: PLC0415

    if version:
        say(f"workbench faultproxy, as toxiproxy-server version {VERSION}")
        return
    address = "127.0.0.1" if host == "localhost" else host
    options = Options(
        token=token_from_environment(),
        host=address,
        seed=seed,
        proxy_metrics=proxy_metrics,
        runtime_metrics=runtime_metrics,
    )
    if config is not None:
        options = replace(options, proxies=load_proxies(config, anywhere=options.anywhere))
    if options.anywhere:
        progress(f"warning: whoever reaches {host} can reach this plane; leave out --host to keep it to this machine")
    try:
        run_alone(options, port, _tell_address, holder)
    except OSError as error:
        raise _cannot_listen(address, port, error) from error


def _tell_address(address: str) -> None:
    say(f"fault plane listens on http://{address} (Ctrl-C ends it)")


def _cannot_listen(host: str, port: int, error: OSError) -> EnvironmentFailure:
    if error.errno == errno.EADDRINUSE:
        return EnvironmentFailure(
            f"port {port} is held by {holder(port)}", hint="End it, or choose another port with --port (0: a free one)."
        )
    return EnvironmentFailure(f"cannot listen on {host}:{port}: {error.strerror}", hint="--host is for an own address.")
