"""Numbers in sentences."""

from __future__ import annotations

import pytest

from workbench.checks import wording


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ms"),
        (420_000, "0.42 ms"),
        (812_400_000, "812 ms"),
        (999_900_000, "1000 ms"),
        (4_250_000_000, "4.25 s"),
        (75_000_000_000, "75 s"),
        (1_234_000_000_000, "1234 s"),
        (-2_000_000, "-2 ms"),
    ],
)
def test_times_have_three_digits(ns: int, text: str) -> None:
    assert wording.time(ns) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0, "0 %"), (1, "100 %"), (0.995, "99.5 %"), (0.99999, "99.999 %"), (0.00004, "0.004 %"), (0.9761, "97.6 %")],
)
def test_nearly_all_is_never_written_as_all(ratio: float, text: str) -> None:
    assert wording.share(ratio) == text


def test_one_of_a_kind_has_no_plural() -> None:
    assert [wording.count(n, "call") for n in (0, 1, 2, 12_345)] == ["0 calls", "1 call", "2 calls", "12 345 calls"]


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [wording.listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "none",
        "a",
        "a and b",
        "a, b and c",
    ]
