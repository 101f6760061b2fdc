"""Whether a locustfile can hold the class that is asked of it, found out without running a line of it.

Importing it would patch this process (gevent) and run the user's code, so only its syntax tree is read. What
cannot be seen there, such as a class made by a function, is left to the load child.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import Problem
from workbench.loading.source import nearest


def locustfile_problems(path: Path, user: str, where: Problem) -> list[Problem]:
    """Return what is wrong with journey class `user` of a locustfile. `where` is the place that names them.

    A syntax error is reported in the locustfile itself, everything else at the place that refers to it.
    """
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        return [_at(where, f"locustfile {path} cannot be read: {error.strerror}")]
    except SyntaxError as error:
        return [Problem(str(path), error.lineno or 0, "", f"is not valid Python: {error.msg}")]
    except ValueError as error:  # a null byte
        return [Problem(str(path), 0, "", f"is not valid Python: {error}")]
    names = set(_names(tree.body))
    if user in names or "*" in names:
        return []
    classes = sorted(node.name for node in _statements(tree.body) if isinstance(node, ast.ClassDef))
    return [_at(where, f"{path} has no class {user!r}{nearest(user, classes)}")]


def _at(where: Problem, message: str) -> Problem:
    return Problem(where.file, where.line, where.path, message)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those inside if, try, with and loops included."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for block in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, block, []))
        for handler in getattr(statement, "handlers", []):
            yield from _statements(handler.body)


def _names(body: list[ast.stmt]) -> Iterator[str]:
    """Yield every name that a module binds; `*` where it takes all names of another one."""
    for statement in _statements(body):
        match statement:
            case ast.ClassDef() | ast.FunctionDef():
                yield statement.name
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
            case ast.Assign():
                yield from (
                    node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case _:
                pass
