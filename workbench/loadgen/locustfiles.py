"""The user's locustfiles: imports them, finds their classes, and says in the user's words what is wrong."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from inspect import isclass
from pathlib import Path
from types import ModuleType
from typing import Any

from locust import FastHttpUser, User

from workbench.model.loadjob import JobJourney

REQUEST_TIMEOUT_S = 10.0
"""Of requests whose user class sets none. Locust's own default of 60 s outlives every drain."""


class BrokenLocustfile(Exception):
    """A locustfile cannot be used. `line` is 0 where it is the file as a whole."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file = file
        self.line = line
        self.message = message


def load_users(journeys: Sequence[JobJourney]) -> list[Any]:
    """Return for each journey its `User` class, bound to its host. Raises BrokenLocustfile."""
    modules = {path: _import(Path(path), number) for number, path in enumerate(_files(journeys))}
    return [_bound(_find(modules[journey.locustfile], journey), journey) for journey in journeys]


def _files(journeys: Sequence[JobJourney]) -> list[str]:
    return list(dict.fromkeys(journey.locustfile for journey in journeys))


def _import(path: Path, number: int) -> ModuleType:
    """Import one file as a script would be: its folder comes first on the path, and stays there."""
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_{number}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BrokenLocustfile(str(path), 0, "is not a Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise BrokenLocustfile(
            error.filename or str(path), error.lineno or 0, f"is not valid Python: {error.msg}"
        ) from error
    except OSError as error:
        if error.filename != str(path):
            raise _broken(path, error) from error
        raise BrokenLocustfile(str(path), 0, f"cannot be read: {error.strerror}") from error
    except (Exception, SystemExit) as error:
        raise _broken(path, error) from error
    return module


def _broken(path: Path, error: BaseException) -> BrokenLocustfile:
    """Say what the import of a file failed with, and on which of its lines."""
    return BrokenLocustfile(str(path), line_in(path, error), f"{type(error).__name__}: {error}")


def line_in(path: Path, error: BaseException) -> int:
    """Return the innermost line of a file that an exception passed through, 0 if it passed through none."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == str(path)), 0)


def _find(module: ModuleType, journey: JobJourney) -> Any:
    users = sorted(name for name, value in vars(module).items() if _is_user(value) and not value.abstract)
    found = vars(module).get(journey.user)
    if found is None:
        close = get_close_matches(journey.user, users, n=3, cutoff=0.5)
        meant = f" did you mean {' or '.join(close)}?" if close else ""
        there = ", ".join(users) if users else "none"
        raise BrokenLocustfile(journey.locustfile, 0, f"has no class {journey.user!r};{meant} user classes: {there}")
    if not _is_user(found):
        raise BrokenLocustfile(journey.locustfile, 0, f"{journey.user!r} is not a Locust User class")
    if not found.tasks:
        raise BrokenLocustfile(journey.locustfile, 0, f"class {journey.user!r} has no tasks; mark one with @task")
    return found


def _is_user(value: Any) -> bool:
    return isclass(value) and issubclass(value, User)


def _bound(found: Any, journey: JobJourney) -> Any:
    """Return a subclass with the journey's host, so that one class can serve two journeys."""
    attributes: dict[str, Any] = {"host": journey.host, "abstract": False, "__module__": found.__module__}
    if issubclass(found, FastHttpUser):
        for timeout in ("network_timeout", "connection_timeout"):
            if not _sets(found, timeout, FastHttpUser):
                attributes[timeout] = REQUEST_TIMEOUT_S
    return type(found)(found.__name__, (found,), attributes)


def _sets(found: type, attribute: str, base: type) -> bool:
    """Say whether a class, or one between it and `base`, sets an attribute of `base` itself."""
    between = found.__mro__[: found.__mro__.index(base)]
    return any(attribute in vars(ancestor) for ancestor in between)
