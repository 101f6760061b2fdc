"""Whether a locustfile can hold the class that is asked of it, found out without running a line of it.

Importing it would patch this process (gevent) and run the user's code, so only its syntax tree is read. What
cannot be seen there, such as a class made by a function, is left to the load child.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import decode_source
from pathlib import Path

from workbench.errors import Problem
from workbench.loading.source import nearest


def locustfile_problems(path: Path, user: str, where: Problem) -> list[Problem]:
    """Return what is wrong with journey class `user` of a locustfile. `where` is the place that names them.

    A syntax error is reported in the locustfile itself, everything else at the place that refers to it.
    """
    try:
        tree = ast.parse(decode_source(path.read_bytes()), str(path))
    except OSError as error:
        return [_at(where, f"locustfile {path} cannot be read: {error.strerror}")]
    except SyntaxError as error:
        return [Problem(str(path), error.lineno or 0, "", f"is not valid Python: {error.msg}")]
    except ValueError as error:  # a null byte, or bytes that are not of its encoding
        return [Problem(str(path), 0, "", f"is not valid Python: {error}")]
    except (MemoryError, RecursionError):
        return [Problem(str(path), 0, "", "is not valid Python: it is nested too deep")]
    bound = list(_bound(tree))
    names = {name for name, _ in bound}
    if user in names or "*" in names:
        return []
    classes = sorted(name for name, node in bound if isinstance(node, ast.ClassDef))
    return [_at(where, f"{path} has no class {user!r}{nearest(user, classes)}")]


def _at(where: Problem, message: str) -> Problem:
    return Problem(where.file, where.line, where.path, message)


def _bound(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield every name that a module binds, and by what; `*` where it takes all names of another one."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, node
                continue  # what is bound in it is not bound in the module
            case ast.Import() | ast.ImportFrom():
                yield from ((alias.asname or alias.name.partition(".")[0], node) for alias in node.names)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name, node
            case _:
                pass
        waiting.extend(ast.iter_child_nodes(node))
