from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_services.chassis.cursors import LONGEST, BadCursor, Cursors

ORDERS = Cursors("orders", int, str)


@given(created=st.integers(min_value=0, max_value=2**63 - 1), id_=st.from_regex(r"\A[a-z0-9_]{1,40}\Z"))
def test_a_cursor_says_what_was_put_in(created: int, id_: str) -> None:
    """As one word that fits into an address as it is."""
    cursor = ORDERS.after(created, id_)
    assert ORDERS.read(cursor) == (created, id_)
    assert len(cursor) <= LONGEST
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=LONGEST))
def test_any_other_word_is_refused(text: str) -> None:
    """With 400, and nothing else."""
    with pytest.raises(BadCursor) as caught:
        ORDERS.read(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        ["orders"],
        ["orders", 1],
        ["orders", 1, "a", "b"],
        ["accounts", 1, "a"],
        ["orders", "1", "a"],
        ["orders", True, "a"],
        ["orders", 1.5, "a"],
        ["orders", -1, "a"],
        ["orders", 2**63, "a"],
        ["orders", 1, 2],
        ["orders", 1, "\x00"],
        ["orders", 1, "\ud800"],
        {"orders": 1},
    ],
)
def test_well_made_but_not_ours(content: Any) -> None:
    """Of another list, or of values that a database could not compare with."""
    with pytest.raises(BadCursor):
        ORDERS.read(base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("="))


def test_a_list_of_small_numbers_has_no_large_ones() -> None:
    """Other databases would compare with them, and PostgreSQL refuses to."""
    small = Cursors("small", int, largest=7)
    assert small.read(small.after(7)) == (7,)
    with pytest.raises(BadCursor):
        small.read(small.after(8))


def test_the_last_page_has_no_next() -> None:
    """A page is full without a next one when exactly so many rows are left."""
    rows = [(1, "a"), (2, "b"), (3, "c")]
    assert ORDERS.page(rows, 3, lambda row: row) is None
    cursor = ORDERS.page(rows, 2, lambda row: row)
    assert cursor is not None
    assert ORDERS.read(cursor) == (2, "b")
    assert ORDERS.page([], 2, lambda row: row) is None
