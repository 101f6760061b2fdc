"""Colours of the page can be read by everybody, in both themes."""

from __future__ import annotations

import re

import pytest

from workbench.pages import inlined

PAIRS = {name: pair for name, *pair in re.findall(r"--(\w+):light-dark\((#\w{6}),(#\w{6})\)", inlined.style())}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["text", "soft", "link", "pass", "fail", "open", "fault"])
@pytest.mark.parametrize("ground", ["card", "page", "sunk"])
def test_text_reaches_aa_on_every_ground(text: str, ground: str, theme: int) -> None:
    """4.5 to 1, WCAG 2.2 level AA."""
    assert contrast(PAIRS[text][theme], PAIRS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("line", ["blue", "sky", "orange", "teal", "grey", "amber", "violet", "red", "fault"])
def test_lines_of_charts_stand_out(line: str, theme: int) -> None:
    """3 to 1 for graphics, WCAG 2.2 level AA."""
    assert contrast(PAIRS[line][theme], PAIRS["card"][theme]) >= 3
