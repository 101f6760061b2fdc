"""Plain data to a model, with every problem named by file, line and path, and what would be allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workbench.errors import InvalidInput, Problem
from workbench.loading.source import Source, nearest

M = TypeVar("M", bound=BaseModel)

Location = tuple[str | int, ...]


def validated(source: Source, model: type[M], data: dict[str, Any] | None = None) -> M:
    """Return the file as a model. Raises InvalidInput with all problems.

    `data` stands in for the file's own data after `--set`.
    """
    given = source.data if data is None else data
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = [_problem(source, model, details, given) for details in error.errors(include_url=False)]
        raise InvalidInput(sorted(set(problems), key=lambda p: (p.line, p.path))) from error


def _problem(source: Source, model: type[BaseModel], details: ErrorDetails, data: Any) -> Problem:
    path = _in_data(details["loc"], data)
    match details["type"]:
        case "extra_forbidden":
            known = _fields_at(model, details["loc"][:-1])
            message = f"unknown key {details['loc'][-1]!r}{nearest(str(details['loc'][-1]), known)}"
        case "missing":
            message = "is missing"
        case "union_tag_invalid":
            context = details.get("ctx", {})
            known = [tag.strip(" '") for tag in str(context.get("expected_tags", "")).split(",")]
            message = f"unknown kind {context.get('tag')!r}{nearest(str(context.get('tag')), known)}"
            path = (*path, "kind")
        case "union_tag_not_found":
            message = "`kind` is missing"
        case "string_pattern_mismatch":
            message = f"{details['input']!r} does not fit the pattern {details.get('ctx', {}).get('pattern')}"
        case "value_error":
            message = details["msg"].removeprefix("Value error, ")
        case _:
            message = f"{details['msg'][:1].lower()}{details['msg'][1:]} (got {_short(details['input'])})"
    return source.problem(path, message)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _in_data(location: Sequence[str | int], data: Any) -> Location:
    """Return a pydantic location without the tags of unions, which are not in the file."""
    path: list[str | int] = []
    node: Any = data
    for index, part in enumerate(location):
        if (isinstance(node, dict) and part in node) or (
            isinstance(node, list) and isinstance(part, int) and part < len(node)
        ):
            node = node[part]
        elif index == len(location) - 1 and isinstance(node, dict):  # a key that is missing
            node = None
        else:
            continue
        path.append(part)
    return tuple(path)


def _fields_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the names allowed at a location."""
    kinds: list[Any] = [model]
    for part in location:
        kinds = [inner for kind in kinds for inner in _inside(kind, part)]
    return sorted({name for kind in kinds for name in _field_names(kind)})


def _field_names(kind: Any) -> list[str]:
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    return [field.alias or name for name, field in kind.model_fields.items()]


def _inside(kind: Any, part: str | int) -> list[Any]:
    """Return the types that a value of type `kind` may hold under `part`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part in (name, field.alias):
                return _members(field.annotation)
        tag = kind.model_fields.get("kind")  # `part` is the tag of a union that was already taken apart
        return [kind] if tag is not None and part in (tag.default, *get_args(tag.annotation)) else []
    if get_origin(kind) is dict:
        return _members(get_args(kind)[1])
    if get_origin(kind) in (list, tuple):
        return _members(get_args(kind)[0])
    return []


def _members(annotation: Any) -> list[Any]:
    """Return the alternatives of a union, or the type itself, without Annotated."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (dict, list, tuple):
        return [annotation]
    arguments = get_args(annotation)
    return [inner for argument in arguments for inner in _members(argument)] if arguments else [annotation]
