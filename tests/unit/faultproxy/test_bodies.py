"""Bodies: their end is found at the right byte, however they are cut; doubtful framing is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.faultproxy.bodies import Body, Chunked, FramingError, Sized, UntilClose, body_of
from workbench.faultproxy.heads import CHUNKED, UNTIL_CLOSE


def take_all(body: Body, pieces: list[bytes]) -> int:
    """Return how many bytes belonged to the body."""
    taken = 0
    for piece in pieces:
        end = body.take(piece, 0)
        taken += end
        if body.done:
            break
        assert end == len(piece), "a body that is not done takes everything"
    return taken


def test_no_length_no_body() -> None:
    assert body_of(0) is None
    assert isinstance(body_of(5), Sized)
    assert isinstance(body_of(CHUNKED), Chunked)
    assert isinstance(body_of(UNTIL_CLOSE), UntilClose)


@given(st.integers(1, 50), st.integers(0, 20), st.integers(1, 9))
def test_a_sized_body_ends_where_it_was_announced(length: int, more: int, cut: int) -> None:
    data = b"x" * (length + more)
    pieces = [data[i : i + cut] for i in range(0, len(data), cut)]
    body = Sized(length)
    assert length == take_all(body, pieces)
    assert body.done


CHUNKS = b"5\r\nhello\r\n1f;name=value\r\n" + b"y" * 31 + b"\r\n0\r\nTrailer: x\r\n\r\n"


@given(st.lists(st.integers(1, len(CHUNKS) + 6), max_size=8))
def test_a_chunked_body_ends_at_its_last_byte(cuts: list[int]) -> None:
    """Whatever the cuts, the next message begins right behind the blank line."""
    data = CHUNKS + b"GET / "
    points = [0, *sorted({min(cut, len(data)) for cut in cuts}), len(data)]
    pieces = [data[a:b] for a, b in pairwise(points) if a < b]
    body = Chunked()
    assert len(CHUNKS) == take_all(body, pieces)
    assert body.done


def test_an_unfinished_chunked_body_is_not_done() -> None:
    for end in range(len(CHUNKS)):
        body = Chunked()
        body.take(CHUNKS[:end], 0)
        assert not body.done, end


@pytest.mark.parametrize(
    "data",
    [
        b"5 \r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\r\nhelloX\r\n",
        b"5\r\nhello\rX",
        b"5\r\nhello\n",
        b"ffffffffffffffff\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"0\r\nnot a trailer\r\n\r\n",
        b"0\r\n Folded: x\r\n\r\n",
        b"0\r\n\n",
        b"1;" + b"x" * 5000,
    ],
)
def test_doubtful_chunks_are_refused(data: bytes) -> None:
    """Readers differ on these, so nobody can say where the body ends."""
    with pytest.raises(FramingError):
        Chunked().take(data, 0)


def test_an_answer_without_length_takes_everything() -> None:
    body = UntilClose()
    assert body.take(b"abc", 1) == 3
    assert not body.done
