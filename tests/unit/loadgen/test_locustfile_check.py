"""What can be known of a locustfile without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import Problem
from workbench.loading.locustfiles import locustfile_problems

WHERE = Problem("system.yaml", 12, "journeys.browse", "")


def _check(folder: Path, text: str | bytes, user: str = "Browse") -> list[str]:
    file = folder / "journeys.py"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [str(problem).replace(str(folder) + "/", "") for problem in locustfile_problems(file, user, WHERE)]


@pytest.mark.parametrize(
    "text",
    [
        "class Browse: pass",
        "from shop import Browse",
        "from shop import Buy as Browse",
        "from shop import *",
        "import Browse",
        "Browse = make_user()",
        "Browse: type = make_user()",
        "A, Browse = make_users()",
        "if True:\n    class Browse: pass",
        "try:\n    import x\nexcept ImportError:\n    class Browse: pass",
        "with x():\n    Browse = 1",
    ],
)
def test_a_name_that_may_be_the_class_is_accepted(tmp_path: Path, text: str) -> None:
    """What cannot be decided without running the file is left to the load child."""
    assert [] == _check(tmp_path, text)


def test_a_class_that_is_missing_is_reported_where_it_is_named(tmp_path: Path) -> None:
    """With the nearest names, and all that there are."""
    (problem,) = _check(tmp_path, "class Browser: pass\nclass Pay:\n    class Browse: pass\n")

    said = "journeys.py has no class 'Browse'; did you mean 'Browser'? there are: Browser, Pay"
    assert f"system.yaml:12: journeys.browse: {said}" == problem


def test_a_syntax_error_is_reported_in_the_file_with_its_line(tmp_path: Path) -> None:
    """The line is the one that a person has to mend."""
    assert ["journeys.py:2: is not valid Python: expected ':'"] == _check(tmp_path, "x = 1\nclass Browse\n")


@pytest.mark.parametrize("content", [b"x = '\0'", b"\xff\xfe broken"])
def test_what_is_not_text_is_reported(tmp_path: Path, content: bytes) -> None:
    """A binary file by mistake is a problem, not a crash."""
    (problem,) = _check(tmp_path, content)
    assert "is not valid Python" in problem


def test_a_file_that_cannot_be_read_is_reported_where_it_is_named(tmp_path: Path) -> None:
    """A missing file and a folder alike."""
    (missing,) = locustfile_problems(tmp_path / "none.py", "Browse", WHERE)
    (folder,) = locustfile_problems(tmp_path, "Browse", WHERE)

    assert "system.yaml:12" in str(missing)
    assert "cannot be read: No such file or directory" in str(missing)
    assert "cannot be read: Is a directory" in str(folder)
