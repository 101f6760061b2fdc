"""Quantities with units, parsed once when a file is loaded.

Each type is a number in one fixed unit, so arithmetic needs no conversion, and prints itself the way a
person would write it in a scenario. A bare number is refused where the unit could be guessed wrong.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

_DURATION = re.compile(r"[ \t]*(\d+(?:\.\d+)?)[ \t]*(ns|us|ms|s|m|h)[ \t]*", re.ASCII)
_DURATION_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": NS_PER_MS,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
}
_RATE = re.compile(r"[ \t]*(\d+(?:\.\d+)?)[ \t]*/[ \t]*(s|m|h)[ \t]*", re.ASCII)
_RATE_S = {"s": 1.0, "m": 60.0, "h": 3600.0}
_BYTE_RATE = re.compile(r"[ \t]*(\d+(?:\.\d+)?)[ \t]*(B|KB|MB|GB)[ \t]*/[ \t]*s[ \t]*", re.ASCII)
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_FASTEST = 10**12
_SIZE = re.compile(r"[ \t]*(\d+(?:\.\d+)?)[ \t]*(B|KiB|MiB|GiB)[ \t]*", re.ASCII)
_SIZE_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_LARGEST_BYTES = 2**50
_PERCENT = re.compile(r"[ \t]*(\d+(?:\.\d+)?)[ \t]*%[ \t]*", re.ASCII)
_LONGEST_NS = 100 * 365 * 24 * 3600 * NS_PER_S  # twice a century still is an int64, as every table keeps it


def _fixed(number: float, digits: int) -> str:
    """Write a number with so many significant digits, and never with an exponent, which could not be read back."""
    rounded = Decimal(f"{number:.{digits}g}")
    return f"{rounded.normalize():f}"


class _Parsed(ABC):
    """What the units share with pydantic: parse from text, write as text, describe in JSON Schema."""

    _schema: ClassVar[dict[str, Any]]

    @classmethod
    @abstractmethod
    def parse(cls, raw: object) -> Self:
        """Read what a person wrote. Raises ValueError."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(cls._schema)


class Duration(_Parsed, int):
    """A length of time in nanoseconds, written "250ms", "1.5s", "2m"."""

    _schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^[ \t]*[0-9]+(\.[0-9]+)?[ \t]*(ns|us|ms|s|m|h)[ \t]*$",
        "examples": ["250ms", "1.5s", "2m"],
    }

    @classmethod
    def parse(cls, raw: object) -> Duration:
        """Read "250ms" and the like. Raises ValueError for anything without a unit, or beyond a century."""
        if isinstance(raw, Duration):
            return raw
        match = _DURATION.fullmatch(raw) if isinstance(raw, str) else None
        if match is None:
            raise ValueError(f'{raw!r} is not a duration; write a number and a unit, such as "250ms", "5s", "2m"')
        ns = round(Decimal(match[1]) * _DURATION_NS[match[2]])
        if ns > _LONGEST_NS:
            raise ValueError(f"{raw!r} is longer than a century")
        return cls(ns)

    @classmethod
    def of_seconds(cls, seconds: float) -> Duration:
        return cls(round(seconds * NS_PER_S))

    @property
    def s(self) -> float:
        """Seconds."""
        return self / NS_PER_S

    @property
    def ms(self) -> float:
        """Milliseconds."""
        return self / NS_PER_MS

    def __str__(self) -> str:
        ns = int(self)
        for unit in ("h", "m", "s", "ms", "us"):
            size = _DURATION_NS[unit]
            if ns and ns % size == 0:
                return f"{ns // size}{unit}"
        return f"{ns}ns" if ns else "0s"

    def __repr__(self) -> str:
        return f"Duration({str(self)!r})"


class Rate(_Parsed, float):
    """Events per second, written "24/s" or "600/m"."""

    _schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^[ \t]*[0-9]+(\.[0-9]+)?[ \t]*/[ \t]*(s|m|h)[ \t]*$",
        "examples": ["24/s", "600/m"],
    }

    @classmethod
    def parse(cls, raw: object) -> Rate:
        """Read "24/s". Raises ValueError for anything without a unit, and for zero."""
        if isinstance(raw, Rate):
            return raw
        match = _RATE.fullmatch(raw) if isinstance(raw, str) else None
        if match is None or float(match[1]) == 0:
            raise ValueError(f'{raw!r} is not a rate; write a number above zero per unit of time, such as "24/s"')
        return cls(float(match[1]) / _RATE_S[match[2]])

    def __str__(self) -> str:
        return f"{_fixed(self, 12)}/s"

    def __repr__(self) -> str:
        return f"Rate({str(self)!r})"


class ByteRate(_Parsed, int):
    """Bytes per second, written "50KB/s": 1 KB is 1000 bytes."""

    _schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^[ \t]*[0-9]+(\.[0-9]+)?[ \t]*(B|KB|MB|GB)[ \t]*/[ \t]*s[ \t]*$",
        "examples": ["50KB/s", "1.5MB/s"],
    }

    @classmethod
    def parse(cls, raw: object) -> ByteRate:
        """Read "50KB/s". Raises ValueError for anything without a unit, below 1 B/s, and above 1000 GB/s."""
        if isinstance(raw, ByteRate):
            return raw
        match = _BYTE_RATE.fullmatch(raw) if isinstance(raw, str) else None
        if match is None:
            raise ValueError(f'{raw!r} is not a rate of bytes; write a number and B, KB, MB or GB per second: "50KB/s"')
        rate = round(Decimal(match[1]) * _BYTES[match[2]])
        if not 1 <= rate <= _FASTEST:
            raise ValueError(f"{raw!r} is not between 1B/s and {_FASTEST // _BYTES['GB']}GB/s")
        return cls(rate)

    def __str__(self) -> str:
        unit = next(unit for unit in ("GB", "MB", "KB", "B") if int(self) % _BYTES[unit] == 0)
        return f"{int(self) // _BYTES[unit]}{unit}/s"

    def __repr__(self) -> str:
        return f"ByteRate({str(self)!r})"


class Size(_Parsed, int):
    """A number of bytes, written "16MiB", "512KiB", "1.5GiB"."""

    _schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^[ \t]*[0-9]+(\.[0-9]+)?[ \t]*(B|KiB|MiB|GiB)[ \t]*$",
        "examples": ["16MiB", "512KiB", "1.5GiB"],
    }

    @classmethod
    def parse(cls, raw: object) -> Size:
        """Read "16MiB". Raises ValueError for anything without a unit, and beyond a pebibyte."""
        if isinstance(raw, Size):
            return raw
        match = _SIZE.fullmatch(raw) if isinstance(raw, str) else None
        if match is None:
            raise ValueError(f'{raw!r} is not a size; write a number and B, KiB, MiB or GiB, such as "16MiB"')
        size = round(Decimal(match[1]) * _SIZE_BYTES[match[2]])
        if size > _LARGEST_BYTES:
            raise ValueError(f"{raw!r} is more than a pebibyte")
        return cls(size)

    def __str__(self) -> str:
        unit = next((unit for unit, size in reversed(_SIZE_BYTES.items()) if self and self % size == 0), "B")
        return f"{int(self) // _SIZE_BYTES[unit]}{unit}"

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"


class Ratio(_Parsed, float):
    """A part of a whole, 0 to 1, written "99.9%" or 0.999."""

    _schema: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"type": "string", "pattern": r"^[ \t]*[0-9]+(\.[0-9]+)?[ \t]*%[ \t]*$"},
            {"type": "number", "minimum": 0, "maximum": 1},
        ],
        "examples": ["99.9%", 0.999],
    }

    @classmethod
    def parse(cls, raw: object) -> Ratio:
        """Read "99.9%" or 0.999. Raises ValueError for text without a percent sign and outside 0 to 1."""
        if isinstance(raw, Ratio):
            return raw
        match = _PERCENT.fullmatch(raw) if isinstance(raw, str) else None
        if match is not None:
            number = round(float(match[1]) / 100, 12)
        elif isinstance(raw, (int, float)) and not isinstance(raw, bool):
            number = float(raw)
        else:
            raise ValueError(f'{raw!r} is not a share; write "99.9%" or a number from 0 to 1')
        if not 0 <= number <= 1:
            raise ValueError(f"{raw!r} is not between 0 and 100 %")
        return cls(number)

    def __str__(self) -> str:
        return f"{_fixed(round(float(self) * 100, 10), 12)}%"

    def __repr__(self) -> str:
        return f"Ratio({str(self)!r})"
