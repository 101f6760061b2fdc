"""The Docker engine, and how everything that bears a label of ours is removed from it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_ANSWERS_S = 30
_AT_ONCE = 64
"""Connections to the engine: one per container whose log is followed, and some for questions."""
_NOT_FOUND = 404


class EngineGone(Exception):
    """The Docker engine does not answer, or not as it should. The message is for the user."""


def client() -> Any:
    """Return a client of the engine that `docker` would use. Raises EngineGone."""
    import docker  # noqa: PLC0415 - heavy, and only a stack of containers needs it

    with told("the Docker engine cannot be reached"):
        return docker.from_env(timeout=_ANSWERS_S, max_pool_size=_AT_ONCE)


def labelled(engine: Any, label: str) -> bool:
    """Tell whether there is a container, network or volume with a label. Raises EngineGone."""
    wanted = {"label": label}
    with told("the Docker engine cannot be asked"):
        return bool(
            engine.containers.list(all=True, filters=wanted, ignore_removed=True)
            or engine.networks.list(filters=wanted)
            or engine.volumes.list(filters=wanted)
        )


def remove_labelled(engine: Any, label: str, grace_s: float = 0.0) -> list[str]:
    """End and remove every container, network and volume with a label, `key=value`; return what could not be."""
    wanted = {"label": label}
    problems: list[str] = []
    try:
        containers = engine.containers.list(all=True, filters=wanted, ignore_removed=True)
        threads = [threading.Thread(target=_end, args=(one, grace_s, problems), daemon=True) for one in containers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for network in engine.networks.list(filters=wanted):
            _attempt(f"network {network.name}", network.remove, problems)
        for volume in engine.volumes.list(filters=wanted):
            _attempt(f"volume {volume.name}", volume.remove, problems)
    except Exception as error:  # noqa: BLE001 - the engine is away: nothing can be removed
        problems.append(f"the Docker engine does not answer: {error}")
    return problems


def _end(container: Any, grace_s: float, problems: list[str]) -> None:
    def end() -> None:
        if grace_s >= 1:
            container.stop(timeout=round(grace_s))
        container.remove(force=True, v=True)

    _attempt(f"container {container.name}", end, problems)


def _attempt(what: str, deed: Callable[[], object], problems: list[str]) -> None:
    """One that resists keeps no other from being removed; one that is gone already is no problem."""
    try:
        deed()
    except Exception as error:  # noqa: BLE001 - whatever it was, it is told
        if getattr(getattr(error, "response", None), "status_code", None) != _NOT_FOUND:
            problems.append(f"{what}: {error}")


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn whatever the engine's library raises into EngineGone."""
    try:
        yield
    except EngineGone:
        raise
    except Exception as error:
        raise EngineGone(f"{what}: {getattr(error, 'explanation', None) or error}") from error
