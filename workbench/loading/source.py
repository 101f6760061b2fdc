"""A YAML file as plain data that remembers on which line everything stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node
from ruamel.yaml.reader import ReaderError

from workbench.errors import InvalidInput, Problem
from workbench.model.base import Place

_SELECTORS = ("name", "id", "kind", "slo")
"""Keys by which an element of a list can be named in a path, besides its number."""

_MOST_BYTES = 256 * 1024
_MOST_VALUES = 100_000
"""Far beyond any file that somebody writes."""

_LONGEST_SHOWN = 60


class _Constructor(RoundTripConstructor):
    """Ruamel's own raises whatever Python does about a value that is none, such as the 30th of February."""

    def construct_non_recursive_object(self, node: Node, tag: str | None = None) -> Any:
        try:
            made = super().construct_non_recursive_object(node, tag)
            if isinstance(made, int):
                str(made)  # one of too many digits can be held, and not be shown
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            kind = str(node.tag).rpartition(":")[2]
            why = f": {error}" if isinstance(error, ValueError) else ""
            raise ConstructorError(
                None, None, f"{_shortened(str(node.value))} is no {kind}{why}", node.start_mark
            ) from error
        return made


@dataclass(frozen=True, slots=True)
class Source:
    """One file. `data` is plain dicts, lists and scalars; `tree` is the same with positions."""

    file: str
    path: Path
    data: dict[str, Any]
    tree: CommentedMap | CommentedSeq

    def line(self, path: Place) -> int:
        """Return the line (from 1) of the deepest part of `path` that stands in the file itself."""
        line, node = 1, self.tree
        for part in path:
            positions = node.lc.data if isinstance(node, (CommentedMap, CommentedSeq)) else None
            if not positions or part not in positions:  # what was merged (`<<`) has no line of its own
                break
            line, node = positions[part][0] + 1, node[part]
        return line

    def problem(self, path: Place, message: str) -> Problem:
        """Return a problem at a place in this file."""
        return Problem(self.file, self.line(path), ".".join(map(str, path)), message)


def read(path: Path) -> Source:
    """Read one YAML mapping. Raises InvalidInput for a file that is missing, unreadable or not YAML."""
    shown = _shown(path)
    tree = _tree(_text(path, shown), shown)
    if tree is None:
        tree = CommentedMap()  # nothing is said: what is needed is missing, and everything else has its default
    if not isinstance(tree, CommentedMap):
        raise InvalidInput([Problem(shown, 1, "", "has to be a mapping (`key: value` lines)")])
    try:
        if _values(tree, {}) > _MOST_VALUES:  # counted before they are made: aliases of aliases multiply
            raise InvalidInput([Problem(shown, 0, "", f"has more than {_MOST_VALUES:,} values")])
        return Source(shown, path, _plain(tree), tree)
    except RecursionError as error:
        raise InvalidInput([Problem(shown, 0, "", "an alias (`*name`) refers to what it stands in")]) from error


def read_json_list(path: Path, key: str) -> Source:
    """Read one JSON list as the value of `key`. Raises InvalidInput for a file that is none.

    Lines are found by reading it as YAML, of which JSON is a part but for tabs between values.
    """
    shown = _shown(path)
    text = _text(path, shown)
    try:
        data = json.loads(text)
        if not isinstance(data, list):
            raise InvalidInput([Problem(shown, 1, "", "has to be a list: [{...}, ...]")])
        tree = CommentedMap({key: _tree(text.replace("\t", " "), shown)})
    except json.JSONDecodeError as error:
        raise InvalidInput([Problem(shown, error.lineno, "", f"is not valid JSON: {error.msg}")]) from error
    except ValueError as error:  # a number of too many digits, and only YAML's reader knows its line
        _tree(text, shown)
        raise InvalidInput([Problem(shown, 0, "", f"is not valid JSON: {error}")]) from error
    except RecursionError as error:
        raise InvalidInput([Problem(shown, 0, "", "is nested too deep")]) from error
    tree.lc.data = {key: [0, 0, 0, 0]}
    return Source(shown, path, {key: data}, tree)


def _tree(text: str, shown: str) -> Any:
    try:
        return _parsed(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        what = (error.problem or error.context or "cannot be parsed").strip().splitlines()[0]
        raise InvalidInput([Problem(shown, line, "", f"is not valid YAML: {what}")]) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"character {chr(error.character)!r} is not allowed"
        raise InvalidInput([Problem(shown, line, "", f"is not valid YAML: {what}")]) from error
    except YAMLError as error:
        raise InvalidInput([Problem(shown, 0, "", f"is not valid YAML: {error}")]) from error
    except RecursionError as error:
        raise InvalidInput([Problem(shown, 0, "", "is nested too deep")]) from error


def _parsed(text: str) -> Any:
    """Return a YAML document with positions. Raises YAMLError and RecursionError, nothing else."""
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _Constructor
    try:
        return yaml.load(text)
    except (OverflowError, ValueError) as error:  # an escape that is no character, such as "\UFFFFFFFF"
        raise YAMLError(f"a value cannot be read: {error}") from error


def _text(path: Path, shown: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise InvalidInput([Problem(shown, 0, "", f"is too large: more than {_MOST_BYTES // 1024} KiB")])
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput([Problem(shown, 0, "", f"is not UTF-8 text (byte {error.start})")]) from error
    except OSError as error:
        raise InvalidInput([Problem(shown, 0, "", f"cannot be read: {error.strerror}")]) from error


def change(data: dict[str, Any], path: str, value: str, *, option: str) -> Place:
    """Set one value in place, as `--set expect.breaker_opens.within=3s` asks for; return where it is.

    Elements of lists are named by number or by their name, id, kind or slo.
    Raises InvalidInput if the path leads nowhere.
    """
    *parts, last = path.split(".")
    node: Any = data
    place: list[str | int] = []
    for part in parts:
        key = _select(node, part)
        if key is None:
            raise _leads_nowhere(option, path, [*place, part], node)
        node = node[key]
        place.append(key)
    end = last if isinstance(node, dict) else _select(node, last)
    if end is None:
        raise _leads_nowhere(option, path, [*place, last], node)
    try:
        node[end] = _plain(_parsed(value))
    except (YAMLError, RecursionError) as error:
        raise InvalidInput([Problem(option, 0, path, f"{_shortened(value)} is not a YAML value")]) from error
    return (*place, end)


def _select(node: Any, part: str) -> str | int | None:
    if isinstance(node, dict):
        return part if part in node else None
    if isinstance(node, list):
        if part.isascii() and part.isdigit() and int(part) < len(node):
            return int(part)
        for index, item in enumerate(node):
            if isinstance(item, dict) and part in [item.get(key) for key in _SELECTORS]:
                return index
    return None


def _leads_nowhere(option: str, path: str, place: Sequence[str | int], node: Any) -> InvalidInput:
    if isinstance(node, dict):
        known = [str(key) for key in node]
    elif isinstance(node, list):
        known = [str(next((i[k] for k in _SELECTORS if k in i), n)) for n, i in enumerate(node) if isinstance(i, dict)]
    else:
        known = []
    where = ".".join(map(str, place))
    return InvalidInput([Problem(option, 0, path, f"there is no {where!r}{nearest(str(place[-1]), known)}")])


def nearest(wrong: str, known: Sequence[str]) -> str:
    """Return "; did you mean ...? there are: ..." for an error message, or nothing where nothing is known."""
    if not known:
        return ""
    close = get_close_matches(wrong, known, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    return f"; {meant}there are: {', '.join(known)}"


def _shortened(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}...")


def _values(node: Any, known: dict[int, int]) -> int:
    """Count the values of a document as if every alias were written out."""
    if id(node) not in known:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        known[id(node)] = 1 + sum(_values(value, known) for value in inner)
    return known[id(node)]


def _plain(node: Any) -> Any:
    """Return ruamel's annotated values as plain Python."""
    if isinstance(node, dict):
        return {_plain(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _shown(path: Path) -> str:
    """Return the path as a user would write it: relative where that is shorter."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
