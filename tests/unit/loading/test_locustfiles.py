"""A locustfile is checked by reading it; nothing of it runs, and what cannot be seen there is not complained about."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import Problem
from workbench.loading.locustfiles import locustfile_problems

WHERE = Problem("system.yaml", 9, "journeys.browse", "")


def problems(tmp_path: Path, content: bytes | None, user: str = "Browse") -> list[str]:
    path = tmp_path / "users.py"
    if content is not None:
        path.write_bytes(content)
    return [str(problem).replace(str(path), "users.py") for problem in locustfile_problems(path, user, WHERE)]


@pytest.mark.parametrize(
    "content",
    [
        b"class Browse: pass",
        b"from shared import Browse",
        b"from shared import Other as Browse",
        b"from shared import *",
        b"Browse = make('browse')",
        b"Browse, Other = make()",
        b"Browse: type = make()",
        b"if True:\n    class Browse: pass",
        b"try:\n    import x\nexcept ImportError:\n    Browse = None",
        b"try:\n    import x\nfinally:\n    class Browse: pass",
        b"with x:\n    class Browse: pass",
        b"match x:\n    case 1:\n        class Browse: pass",
        b"if (Browse := make()): pass",
        b"for Browse in made: pass",
        b"with make() as Browse: pass",
        b"def Browse(): pass",
        b"async def Browse(): pass",
        b"# -*- coding: latin-1 -*-\n# caf\xe9\nclass Browse: pass",
    ],
)
def test_a_class_that_may_be_there_is_no_problem(tmp_path: Path, content: bytes) -> None:
    assert [] == problems(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x = 1\nclass Browse(:\n", "users.py:2: is not valid Python: invalid syntax"),
        (b"def f():\npass\n", "users.py:2: is not valid Python: expected an indented block"),
        (b"x = '\n", "users.py:1: is not valid Python: "),
        (b"\0", "is not valid Python: source code"),
        (b"# caf\xe9\n", "is not valid Python: "),
        (b"x = " + b"(" * 300 + b")" * 300, "users.py:1: is not valid Python: "),
        (b"x = " + b"-" * 10_000 + b"1", "is not valid Python: it is nested too deep"),
        (None, "system.yaml:9: journeys.browse: locustfile users.py cannot be read: No such file or directory"),
        (b"", "system.yaml:9: journeys.browse: users.py has no class 'Browse'"),
        (
            b"class Brows: pass\nclass Other: pass",
            "has no class 'Browse'; did you mean 'Brows'? there are: Brows, Other",
        ),
        (b"class Other:\n    class Browse: pass", "has no class 'Browse'"),
        (b"def f():\n    class Browse: pass", "has no class 'Browse'"),
        (b"Browse.x = 1", "has no class 'Browse'"),
        (b"import os.Browse", "has no class 'Browse'"),
    ],
)
def test_a_problem_is_told_where_it_is(tmp_path: Path, content: bytes | None, told: str) -> None:
    """A syntax error in the locustfile itself, everything else at the place that names it."""
    (found,) = problems(tmp_path, content)
    assert told in found


def test_a_folder_is_no_locustfile(tmp_path: Path) -> None:
    (tmp_path / "users.py").mkdir()
    assert ["system.yaml:9: journeys.browse: locustfile users.py cannot be read: Is a directory"] == problems(
        tmp_path, None
    )


def test_reading_runs_nothing(tmp_path: Path) -> None:
    owned = tmp_path / "owned"
    assert [] == problems(tmp_path, f"open({str(owned)!r}, 'w')\nclass Browse: pass".encode())
    assert not owned.exists()
