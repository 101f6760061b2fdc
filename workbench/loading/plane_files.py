"""The config file of a fault plane: Toxiproxy's, in which proxies may also have toxics."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import InvalidInput, Problem
from workbench.faultproxy.addresses import parse_address
from workbench.faultproxy.toxiproxy.documents import Config, ConfiguredProxy
from workbench.loading.source import Source, read_json_list
from workbench.loading.validated import checked
from workbench.model.base import Place

_KEY = "proxies"
_HINT = "docs/reference/fault-plane.md shows what a config file may contain"


def load_proxies(path: Path, *, anywhere: bool) -> tuple[ConfiguredProxy, ...]:
    """Read the proxies that a plane begins with. Raises InvalidInput with all problems.

    `anywhere`: they may listen on other addresses than loopback.
    """
    source = read_json_list(path, _KEY)

    def at(place: Place, message: str) -> Problem:
        found = source.problem(place, message)
        return Problem(found.file, found.line, ".".join(map(str, place[1:])), message)

    problems = [
        at((_KEY, index, "listen"), message) for index, message in _bad_addresses(source, anywhere=anywhere).items()
    ]
    try:
        config = checked(source.data, Config, at)
    except InvalidInput as error:
        problems = sorted([*problems, *error.problems], key=lambda problem: problem.line)
        raise InvalidInput(problems, hint=_HINT) from error
    if problems:
        raise InvalidInput(problems, hint=_HINT)
    return tuple(config.proxies)


def _bad_addresses(source: Source, *, anywhere: bool) -> dict[int, str]:
    found: dict[int, str] = {}
    for index, proxy in enumerate(source.data[_KEY]):
        listen = proxy.get("listen") if isinstance(proxy, dict) else None
        if isinstance(listen, str):
            try:
                parse_address(listen, anywhere=anywhere)
            except ValueError as error:
                found[index] = _remedy(str(error))
    return found


def _remedy(message: str) -> str:
    if "loopback" in message:
        return f"{message}; listen on 127.0.0.1, or start the plane with --host for other machines"
    return f'{message}; write it as "127.0.0.1:21000"'
