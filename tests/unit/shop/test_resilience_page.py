"""The page that explains the chain names what there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from target_services.chassis.flags import DEFAULTS, MEANINGS
from target_services.chassis.resilience.decisions import Decision

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "resilience.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_all_decisions_are_in_the_table() -> None:
    told = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", TEXT, re.MULTILINE)
    assert told == [decision.value for decision in Decision]


def test_all_flags_are_in_the_table() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \| (on|off) \| (.*) \|$", TEXT, re.MULTILINE)
    assert told == [(flag.value, "on" if DEFAULTS[flag] else "off", MEANINGS[flag]) for flag in DEFAULTS]


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
