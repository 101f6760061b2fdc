"""F10 corrupt_body: what becomes of a body."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workbench.model.faults.actions import Copy
from workbench.model.faults.base import HitAttempt
from workbench.model.faults.corrupt_body import COPIES, CorruptBody
from workbench.model.faults.seeded import Draw

ORDER = {"id": 7, "paid": True, "lines": [{"sku": "a", "price": 1.5}, {"sku": "b", "price": None}]}


def fault(how: str, **fields: Any) -> CorruptBody:
    return CorruptBody.model_validate({"id": "f", "edge": "a:b", "how": how} | fields)


def changed(
    fault: CorruptBody, body: bytes, ordinal: int = 0, memory: dict[str, bytes] | None = None, target: str = "/a"
) -> bytes | None:
    copy = Copy(200, target, "application/json", body)
    return fault.action(Draw(1, "f", ordinal)).change(copy, {} if memory is None else memory)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


@given(JSON, st.integers(0, 50))
def test_what_breaks_off_is_no_json(body: bytes, ordinal: int) -> None:
    broken = changed(fault("invalid_json"), body, ordinal)
    assert broken is not None
    with pytest.raises(ValueError, match=r"."):
        json.loads(broken)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("id", {"paid": True, "lines": ORDER["lines"]}),
        ("lines.0.price", {**ORDER, "lines": [{"sku": "a"}, {"sku": "b", "price": None}]}),
        ("lines.1", {**ORDER, "lines": [{"sku": "a", "price": 1.5}]}),
        ("lines.2", None),
        ("lines.x", None),
        ("id.x", None),
        ("name", None),
    ],
)
def test_a_field_is_missing(field: str, expected: Any) -> None:
    left = changed(fault("missing_field", field=field), json.dumps(ORDER).encode())
    assert (None if left is None else json.loads(left)) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("id", "7"),
        ("paid", [True]),
        ("lines", "?"),
        ("lines.0.sku", 0),
        ("lines.0.price", "1.5"),
        ("lines.1.price", [None]),
    ],
)
def test_a_field_has_the_wrong_type(field: str, expected: Any) -> None:
    wrong = changed(fault("wrong_type", field=field), json.dumps(ORDER).encode())
    assert wrong is not None
    value = json.loads(wrong)
    for step in field.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    assert value == expected
    assert type(value) is type(expected)


def test_without_a_field_the_seed_chooses_one_at_any_depth() -> None:
    body = json.dumps(ORDER).encode()
    seen = [changed(fault("missing_field"), body, ordinal) for ordinal in range(100)]
    assert seen == [changed(fault("missing_field"), body, ordinal) for ordinal in range(100)]
    assert len(set(seen)) == 7


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"7", b"[]", b"{}", b"[1, 2]", b"[" * 100_000, b"\xff{}", b"9" * 10_000]
)
def test_what_has_no_fields_passes(body: bytes) -> None:
    assert changed(fault("missing_field"), body) is None
    assert changed(fault("wrong_type", field="a"), body) is None


def test_a_stale_copy_is_kept_for_each_path_and_query() -> None:
    stale, memory = fault("stale_copy"), dict[str, bytes]()
    assert changed(stale, b"1", 0, memory, "/a?x=1") is None
    assert changed(stale, b"2", 1, memory, "/a?x=1") == b"1"
    assert changed(stale, b"3", 2, memory, "/a?x=2") is None
    assert changed(stale, b"1", 3, memory, "/a?x=1") is None, "it is what the callee says, too"


def test_copies_are_bounded() -> None:
    stale, memory = fault("stale_copy"), dict[str, bytes]()
    for number in range(COPIES + 5):
        changed(stale, b"1", 0, memory, f"/{number}")
    assert len(memory) == COPIES
    assert changed(stale, b"2", 0, memory, "/0") == b"1"


def test_empty_is_empty() -> None:
    assert changed(fault("empty"), b"x") == b""
    assert changed(fault("empty"), b"") is None


@pytest.mark.parametrize(("reason", "felt"), [("altered", True), ("complete", False), ("client_gone", False)])
def test_the_plane_tells_which_answers_it_altered(reason: str, felt: bool) -> None:
    assert felt is fault("empty").felt(HitAttempt(5, 200, reason), None)


@pytest.mark.parametrize(
    "fields", [{"how": "upside_down"}, {"how": "empty", "field": "id"}, {"how": "missing_field", "field": "a..b"}]
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)


def test_it_says_what_it_does() -> None:
    assert fault("missing_field", field="id").describe() == "leaves id out of its answers"
    assert fault("wrong_type", share="5%").describe() == "answers with the wrong type of a field (5% of requests)"
