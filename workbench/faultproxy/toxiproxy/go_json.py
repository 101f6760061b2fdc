"""Read request bodies as Toxiproxy's JSON decoder does: lenient about extra fields, strict about types, same words.

Clients match on these messages, so they are part of the API.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, Literal, Self

from workbench.faultproxy.toxiproxy.go_syntax import describe_syntax

GoType = Literal["string", "bool", "int", "int64", "float32", "object", "any"]
Fields = Mapping[str, GoType]

_INT64 = range(-(2**63), 2**63)
_INT64_DIGITS = 19
_BEYOND_FLOAT32 = 2.0**128 - 2.0**103
"""The smallest number that is rounded to infinity."""


class GoJsonError(Exception):
    """The body cannot be read; the text is what Toxiproxy would say."""


class _Number(float):
    """A number as it was written, with a fraction, an exponent, or more digits than any integer has."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


class _NoConstantError(ValueError):
    """NaN and the like, which Python takes."""


def _refuse_constant(name: str) -> None:
    raise _NoConstantError(name)


def _integer(text: str) -> int | _Number:
    return int(text) if len(text) <= _INT64_DIGITS + 1 else _Number(text)


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_Number, parse_constant=_refuse_constant)


def read_value(body: bytes) -> Any:
    """Return the first JSON value of a body; what follows it is not looked at."""
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    try:
        return _DECODER.raw_decode(text)[0]
    except (json.JSONDecodeError, _NoConstantError) as error:
        raise GoJsonError(describe_syntax(body) or "unexpected EOF") from error
    except RecursionError as error:
        raise GoJsonError("exceeded max depth") from error


def as_float32(number: float) -> float:
    """Return a number as Go keeps and shows it: with the fewest digits that single precision tells apart."""
    try:
        (single,) = struct.unpack("f", struct.pack("f", number))
    except OverflowError:
        return number
    shortest = next(
        short for digits in range(6, 10) if struct.pack("f", short := float(f"{single:.{digits}g}")) == _packed(single)
    )
    return int(shortest) if shortest.is_integer() and abs(shortest) < 2**53 else shortest


def _packed(single: float) -> bytes:
    return struct.pack("f", single)


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
            result[name] = _whole(item) if isinstance(item, str) else item
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
        case "int" | "int64":
            return isinstance(item, int) and not isinstance(item, bool) and item in _INT64
        case "float32":
            return isinstance(item, (int, float)) and not isinstance(item, bool) and abs(item) < _BEYOND_FLOAT32
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
            return f"number {text}" if kind in ("int", "int64", "float32") else "number"


def _whole(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON can escape and UTF-8 cannot say."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
