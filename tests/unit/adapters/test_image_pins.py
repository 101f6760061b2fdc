"""Digests: what was pulled is started by its digest, another one is refused, what was made here has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.adapters.docker import pins
from workbench.errors import EnvironmentFailure

ONE, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def test_what_was_pulled_as_it_is_pinned_is_started_by_its_digest() -> None:
    found = {"ghcr.io/shopify/toxiproxy:2.12.0": [f"ghcr.io/shopify/toxiproxy@{ONE}"]}
    assert {"ghcr.io/shopify/toxiproxy:2.12.0": f"ghcr.io/shopify/toxiproxy@{ONE}"} == pins.applied(
        {"ghcr.io/shopify/toxiproxy:2.12.0": ONE}, found
    )


def test_another_image_under_the_same_tag_is_refused() -> None:
    with pytest.raises(EnvironmentFailure, match="images are not those that are pinned: redis:8") as refused:
        pins.applied({"redis:8": ONE}, {"redis:8": [f"redis@{OTHER}"]})
    assert refused.value.hint is not None
    assert "docker pull" in refused.value.hint


def test_what_was_made_here_or_is_not_pinned_keeps_its_tag() -> None:
    assert {} == pins.applied({"redis:8": ONE}, {"redis:8": [], "postgres:18": [f"postgres@{OTHER}"]})


def test_pins_are_written_of_what_has_a_digest_and_read_again(tmp_path: Path) -> None:
    found = {"redis:8": [f"redis@{ONE}"], "localhost:5000/own:1": [f"localhost:5000/own@{OTHER}"], "made:1": []}
    assert ["made:1"] == pins.write(tmp_path, found)
    assert {"redis:8": ONE, "localhost:5000/own:1": OTHER} == pins.read(tmp_path)


def test_without_a_file_nothing_is_pinned_and_a_broken_line_is_named(tmp_path: Path) -> None:
    assert {} == pins.read(tmp_path)
    (tmp_path / "images.lock").write_text("# head\nredis:8 md5:1\n")
    with pytest.raises(EnvironmentFailure, match=r"images\.lock:2: 'redis:8 md5:1' is not an image and its digest"):
        pins.read(tmp_path)
