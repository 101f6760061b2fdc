"""F10 corrupt_body: the answer arrives whole, with its status, and what is in it is not what the callee said."""

from __future__ import annotations

import json
from collections import deque
from functools import partial
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from workbench.model.faults.actions import Alter, Copy
from workbench.model.faults.base import Ability, HitAttempt, RequestFault
from workbench.model.faults.seeded import Draw

COPIES = 100
"""So many answers are remembered to be served again; one for each path with its query."""

_PLACES = 1_000
"""Fields among which the choice is made."""

_WORDS = {
    "invalid_json": "answers with JSON that ends too early",
    "missing_field": "leaves {field} out of its answers",
    "wrong_type": "answers with the wrong type of {field}",
    "stale_copy": "repeats an old answer",
    "empty": "answers with nothing in it",
}

Place = tuple[str | int, ...]
"""Names and indexes that lead to a value."""


class CorruptBody(RequestFault):
    """Change the answer's body. Status and headers stay; gzip and deflate are decoded and sent plain."""

    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK, Ability.HTTP, Ability.PER_REQUEST})

    kind: Literal["corrupt_body"] = "corrupt_body"
    how: Literal["invalid_json", "missing_field", "wrong_type", "stale_copy", "empty"] = Field(
        description="`invalid_json`: it breaks off; `missing_field`, `wrong_type`: of one field of a JSON body;"
        " `stale_copy`: an earlier answer to the same path and query; `empty`: no body",
    )
    field: str | None = Field(
        default=None,
        description="for `missing_field` and `wrong_type`: dotted path, such as `order.lines.0.price`;"
        " default: a field by seeded choice",
    )

    @model_validator(mode="after")
    def _field_is_used(self) -> Self:
        if self.field is not None and self.how not in ("missing_field", "wrong_type"):
            raise ValueError("`field` goes together with `how: missing_field` or `how: wrong_type`")
        if self.field is not None and not all(self.field.split(".")):
            raise ValueError(f"field {self.field!r} is not names or numbers with dots between them")
        return self

    def action(self, draw: Draw) -> Alter:
        match self.how:
            case "empty":
                return Alter(_emptied)
            case "stale_copy":
                return Alter(_repeated)
            case "invalid_json":
                return Alter(partial(_broken_off, draw.uniform("place")))
            case "missing_field" | "wrong_type":
                return Alter(partial(_edited, self.how, self.field, draw.uniform("field")))

    def felt(self, attempt: HitAttempt, timeout_ns: int | None) -> bool:  # noqa: ARG002 - the plane says what it did
        return attempt.end_reason == "altered"

    def describe(self) -> str:
        return _WORDS[self.how].format(field="a field" if self.field is None else self.field) + self._share_text()


def _emptied(copy: Copy, memory: dict[str, bytes]) -> bytes | None:  # noqa: ARG001 - as every change
    return b"" if copy.body else None


def _repeated(copy: Copy, memory: dict[str, bytes]) -> bytes | None:
    """Return the first answer that was hit on this path; it is remembered, and passes itself."""
    if copy.target not in memory:
        if len(memory) < COPIES:
            memory[copy.target] = copy.body
        return None
    stale = memory[copy.target]
    return None if stale == copy.body else stale


def _broken_off(where: float, copy: Copy, memory: dict[str, bytes]) -> bytes | None:  # noqa: ARG001 - as every change
    """Cut it, and add a brace: no JSON text ends with one that opens."""
    if not copy.body:
        return None
    return copy.body[: int(where * len(copy.body))] + b"{"


def _edited(
    how: Literal["missing_field", "wrong_type"],
    field: str | None,
    which: float,
    copy: Copy,
    memory: dict[str, bytes],  # noqa: ARG001 - as every change
) -> bytes | None:
    try:
        body = json.loads(copy.body)
        place = _chosen(body, which) if field is None else _found(body, field.split("."))
        if place is None:
            return None
        holder = body
        for step in place[:-1]:
            holder = holder[step]
        if how == "missing_field":
            del holder[place[-1]]
        else:
            holder[place[-1]] = _of_another_type(holder[place[-1]])
        return json.dumps(body).encode()
    except (ValueError, RecursionError):
        return None  # not JSON, or nothing that could be read


def _found(body: Any, steps: list[str]) -> Place | None:
    place: list[str | int] = []
    for step in steps:
        if isinstance(body, dict) and step in body:
            place.append(step)
        elif isinstance(body, list) and step.isdecimal() and int(step) < len(body):
            place.append(int(step))
        else:
            return None
        body = body[place[-1]]
    return tuple(place)


def _chosen(body: Any, which: float) -> Place | None:
    """Choose one of the named fields, outer ones and inner ones alike."""
    places: list[Place] = []
    ahead: deque[tuple[Place, Any]] = deque([((), body)])
    while ahead and len(places) < _PLACES:
        place, value = ahead.popleft()
        if isinstance(value, dict):
            for name, inner in value.items():
                places.append((*place, name))
                ahead.append(((*place, name), inner))
        elif isinstance(value, list):
            ahead.extend(((*place, index), inner) for index, inner in enumerate(value[:_PLACES]))
    return places[int(which * len(places))] if places else None


def _of_another_type(value: Any) -> Any:
    match value:
        case bool() | None:
            return [value]
        case str():
            return 0
        case int() | float():
            return str(value)
        case _:
            return "?"
