"""Plain data to a model, with every problem named by file, line and path, and what would be allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workbench.errors import InvalidInput, Problem
from workbench.loading.source import Source, nearest
from workbench.model.base import Misfits, Place

M = TypeVar("M", bound=BaseModel)

Placing = Callable[[Place, str], Problem]
"""Says where a problem is: (place in the data, message) -> Problem."""


def validated(source: Source, model: type[M]) -> M:
    """Return a file as a model. Raises InvalidInput with all problems."""
    return checked(source.data, model, source.problem)


def checked(data: dict[str, Any], model: type[M], at: Placing) -> M:
    """Return plain data as a model. Raises InvalidInput with all problems."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = {at(place, message) for one in details for place, message in _problems(model, one, data)}
        raise InvalidInput(sorted(problems, key=lambda p: (p.file, p.line, p.path, p.message))) from error


def _problems(model: type[BaseModel], details: ErrorDetails, data: Any) -> Iterator[tuple[Place, str]]:
    context = details.get("ctx", {})
    place = _in_data(details["loc"], data, missing=details["type"] == "missing")
    match details["type"]:
        case "extra_forbidden":
            known = _fields_at(model, details["loc"][:-1])
            yield place, f"unknown key {details['loc'][-1]!r}{nearest(str(details['loc'][-1]), known)}"
        case "missing":
            yield place, "is missing"
        case "union_tag_invalid":
            known = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
            key = _tag_key(context)
            yield (*place, key), f"unknown {key} {context['tag']!r}{nearest(str(context['tag']), known)}"
        case "union_tag_not_found":
            yield place, f"`{_tag_key(context)}` is missing"
        case "string_pattern_mismatch":
            yield place, f"{details['input']!r} does not fit the pattern {context['pattern']}"
        case "value_error" if isinstance(context["error"], Misfits):
            yield from (((*place, *inner), message) for inner, message in context["error"].found)
        case "value_error":
            yield place, str(context["error"])
        case "invalid_key":
            key = details["input"]
            place = place if place[-1:] == (key,) else (*place, key)
            yield place, f"keys have to be text; put it in quotes (got {_short(key)})"
        case "model_type" | "model_attributes_type" | "dict_type":
            yield place, f"has to be a mapping (got {_short(details['input'])})"
        case _:
            yield place, f"{details['msg'][:1].lower()}{details['msg'][1:]} (got {_short(details['input'])})"


def _tag_key(context: dict[str, Any]) -> str:
    """Return the key by which the members of a union are told apart."""
    return str(context["discriminator"]).strip("'")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _in_data(location: Place, data: Any, *, missing: bool) -> Place:
    """Return a pydantic location without the tags of unions, which are not in the file. `missing`: nor is its end."""
    path: list[str | int] = []
    node: Any = data
    for index, part in enumerate(location):
        if (isinstance(node, dict) and part in node) or (
            isinstance(node, list) and isinstance(part, int) and part < len(node)
        ):
            node = node[part]  # type: ignore[index]  # mypy forgets which of the two it was
        elif not (missing and index == len(location) - 1):
            continue
        path.append(part)
    return tuple(path)


def _fields_at(model: type[BaseModel], location: Place) -> list[str]:
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
        # `part` may be the tag of a union that was already taken apart.
        tags = [kind.model_fields[key] for key in ("kind", "type") if key in kind.model_fields]
        return [kind] if any(part in (tag.default, *get_args(tag.annotation)) for tag in tags) else []
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
