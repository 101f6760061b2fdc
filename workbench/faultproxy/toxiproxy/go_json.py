"""Read request bodies as Toxiproxy's JSON decoder does: lenient about extra fields, strict about types, same words.

Clients match on these messages, so they are part of the API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Self

GoType = Literal["string", "bool", "int64", "float32", "object", "any"]
Fields = Mapping[str, GoType]

_INT64 = range(-(2**63), 2**63)


class GoJsonError(Exception):
    """The body cannot be read; the text is what Toxiproxy would say."""


class _Number(float):
    """A number with a fraction or an exponent, as it was written."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _refuse_constant(name: str) -> None:
    raise GoJsonError(f"invalid character {name[0]!r} looking for beginning of value")


_DECODER = json.JSONDecoder(parse_float=_Number, parse_constant=_refuse_constant)


def read_value(body: bytes) -> Any:
    """Return the first JSON value of a body; what follows it is not looked at."""
    text = body.decode("utf-8", "replace").lstrip()
    if not text:
        raise GoJsonError("EOF")
    try:
        value, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise GoJsonError(_syntax_message(text, error)) from error
    except RecursionError as error:
        raise GoJsonError("exceeded max depth") from error
    return value


def read_struct(value: Any, type_name: str, path: str, fields: Fields, *, any_name: str = "") -> dict[str, Any]:
    """Return the known fields of an object that are there and not null; names ignore case.

    `type_name` is what an object is called, `path` what its fields are called; `any_name` names the type of
    fields that hold an object.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong_type(value, type_name)
    known = {name.lower(): name for name in fields}
    result: dict[str, Any] = {}
    for key, item in value.items():
        name = known.get(key.lower())
        if name is not None and item is not None:
            kind = fields[name]
            if not _fits(item, kind):
                shown = any_name if kind == "object" else kind
                raise GoJsonError(
                    f"json: cannot unmarshal {_describe(item, kind)} into Go struct field {path}.{name} of type {shown}"
                )
            result[name] = item
    return result


def wrong_type(value: Any, type_name: str) -> GoJsonError:
    """Return the error for a body that is another kind of value than it has to be."""
    return GoJsonError(f"json: cannot unmarshal {_describe(value)} into Go value of type {type_name}")


def _fits(item: Any, kind: GoType) -> bool:
    match kind:
        case "string":
            return isinstance(item, str)
        case "bool":
            return isinstance(item, bool)
        case "int64":
            return isinstance(item, int) and not isinstance(item, bool) and item in _INT64
        case "float32":
            return isinstance(item, (int, float)) and not isinstance(item, bool)
        case "object":
            return isinstance(item, dict)
        case "any":
            return True


def _describe(item: Any, kind: GoType = "any") -> str:
    match item:
        case bool():
            return "bool"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            text = item.text if isinstance(item, _Number) else str(item)
            return f"number {text}" if kind == "int64" else "number"


def _syntax_message(text: str, error: json.JSONDecodeError) -> str:
    rest = text[error.pos :]
    if not rest or any(word.startswith(rest) for word in ("true", "false", "null")) or "Unterminated" in error.msg:
        return "unexpected EOF"
    places = {
        "Expecting value": "looking for beginning of value",
        "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
        "Expecting ':' delimiter": "after object key",
        "Expecting ',' delimiter": "after object key:value pair",
    }
    character = rest[0].replace("'", "\\'")
    return f"invalid character '{character}' {places.get(error.msg, 'in string literal')}"
