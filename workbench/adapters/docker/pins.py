"""Digests of images that are not built here: what a tag has to be, whatever a registry has under it today.

They stand in `images.lock` beside the compose file, a line each: `image digest`. Images that were made on this machine
have no digest, and cannot be held against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from workbench.errors import EnvironmentFailure

_FILE = "images.lock"
_HEAD = "# Digests of the images in versions.env, written by `workbench build --pin` from images that were pulled.\n"


def read(folder: Path) -> dict[str, str]:
    """Return the pinned digests by image; none where there is no file. Raises EnvironmentFailure for a broken line."""
    try:
        lines = (folder / _FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pinned = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            image, _, digest = line.strip().partition(" ")
            if not digest.startswith("sha256:"):
                raise EnvironmentFailure(
                    f"{folder / _FILE}:{number}: {line!r} is not an image and its digest",
                    hint="workbench build --pin writes the file anew",
                )
            pinned[image] = digest
    return pinned


def applied(pinned: Mapping[str, str], found: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return images by digest, `name@sha256:...`, for those that are pinned and were pulled.

    `found` has the digests of each image on this machine, as the engine gives them. Raises EnvironmentFailure where
    they are others than the pinned one.
    """
    exact, others = {}, []
    for image, digests in found.items():
        sums = {digest.rpartition("@")[2] for digest in digests}
        if image in pinned and sums:
            if pinned[image] in sums:
                exact[image] = f"{_name(image)}@{pinned[image]}"
            else:
                others.append(image)
    if others:
        raise EnvironmentFailure(
            f"images are not those that are pinned: {', '.join(sorted(others))}",
            hint="docker pull gets them again; if the new ones are meant, workbench build --pin",
        )
    return exact


def write(folder: Path, found: Mapping[str, Iterable[str]]) -> list[str]:
    """Pin every image that has a digest; return those that have none."""
    lines, without = [], []
    for image, digests in sorted(found.items()):
        own = sorted(digest for digest in digests if digest.startswith(f"{_name(image)}@"))
        if own:
            lines.append(f"{image} {own[0].rpartition('@')[2]}\n")
        else:
            without.append(image)
    (folder / _FILE).write_text(_HEAD + "".join(lines), encoding="utf-8")
    return without


def _name(image: str) -> str:
    """Return an image without its tag."""
    name, colon, tag = image.rpartition(":")
    return name if colon and "/" not in tag else image
