"""Fetches a release on command: pinned by SHA-256, unpacked without trust, put in place by one rename."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from workbench.adapters.components.finding import how_to_get
from workbench.adapters.components.releases import Artefact, Release, this_platform
from workbench.errors import EnvironmentFailure, UsageError

_TIMEOUT_S = 30.0
_CHUNK = 1024 * 1024
_LARGEST_FETCH = 2**30
"""Bytes of an artefact whose size is not pinned, at most."""
_LARGEST_TREE = 2 * 2**30
"""Bytes that an archive may unpack to: Grafana's, the largest, takes half of it."""


def install(release: Release, cache: Path, note: Callable[[str], None], *, platform: str | None = None) -> Path:
    """Fetch the release for a platform (default: this one) into the cache; return the folder it is in.

    Raises UsageError where the table does not pin it, and EnvironmentFailure where what came is not what is pinned.
    Nothing is left behind but a whole release.
    """
    artefact = _pinned(release, platform or this_platform())
    target = cache / release.name / release.version
    if (target / release.file).is_file():
        note(f"{release.name} {release.version} is in {target} already")
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent) as room:
            archive, tree = Path(room) / "archive", Path(room) / "tree"
            tree.mkdir()
            note(f"fetching {artefact.url}")
            _fetch(artefact, archive)
            _unpack(artefact, archive, tree, release.file)
            if target.exists():  # a folder without the program: something of ours was cut short, or was deleted
                shutil.rmtree(target)
            tree.replace(target)
    except OSError as error:
        raise EnvironmentFailure(
            f"cannot write to {target.parent}: {error.strerror or error}", hint=how_to_get(release.name)
        ) from error
    return target


def _pinned(release: Release, platform: str) -> Artefact:
    artefact = release.artefacts.get(platform)
    if artefact is None:
        raise UsageError(f"no release of {release.name} for {platform} is known here", hint=how_to_get(release.name))
    if artefact.sha256 is None:
        raise UsageError(
            f"{release.name} {release.version} is not installed by the workbench: the SHA-256 of its official"
            f" release for {platform} is not pinned yet, and nothing is fetched unseen",
            hint=f"put {release.program} on PATH ({release.home}), or name it by {release.setting}",
        )
    parts = urlsplit(artefact.url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise UsageError(f"{artefact.url} is not an https address")
    return artefact


def _fetch(artefact: Artefact, target: Path) -> None:
    """Fetch into a file, and compare size and sum. Never reads more than one byte beyond what is allowed."""
    digest, size, most = hashlib.sha256(), 0, artefact.size or _LARGEST_FETCH
    with (
        _told(artefact.url),
        urllib.request.urlopen(artefact.url, timeout=_TIMEOUT_S) as answer,  # noqa: S310 - https, see _pinned
        target.open("wb") as file,
    ):
        while chunk := answer.read(min(_CHUNK, most + 1 - size)):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
    if size > most or (artefact.size is not None and size < most):
        than, are = "more than" if size > most else f"{size} of", "pinned" if artefact.size else "the most for one file"
        raise EnvironmentFailure(f"{artefact.url} gave {than} the {most} bytes that are {are}")
    if digest.hexdigest() != artefact.sha256:
        raise EnvironmentFailure(
            f"{artefact.url} is not the file that is pinned: its SHA-256 is {digest.hexdigest()}, not {artefact.sha256}"
        )


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Say what kept something from being fetched. A full disk is not the network's fault and passes through."""
    try:
        yield
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise EnvironmentFailure(
            f"{url} cannot be fetched: {error}", hint="look at the network and the proxy variables, then try again"
        ) from error


def _unpack(artefact: Artefact, archive: Path, tree: Path, program: PurePath) -> None:
    if artefact.url.endswith((".tar.gz", ".tgz")):
        try:
            with tarfile.open(archive, "r:gz") as content:
                _unpack_tree(content, tree)
        except (tarfile.TarError, EOFError) as error:
            raise EnvironmentFailure(f"{artefact.url} is not an archive: {error}") from error
    else:
        archive.replace(tree / program)
    if not (tree / program).is_file():
        raise EnvironmentFailure(f"{artefact.url} holds no {program}")
    (tree / program).chmod(0o755)


def _unpack_tree(content: tarfile.TarFile, tree: Path) -> None:
    """Write the files below the archive's one top folder. Refuses whatever is neither file nor folder inside it."""
    left = _LARGEST_TREE
    for member in content:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
            raise EnvironmentFailure(f"the archive holds {member.name!r}, which does not belong into a release")
        left -= member.size
        if left < 0:
            raise EnvironmentFailure(f"the archive unpacks to more than {_LARGEST_TREE} bytes")
        if not path.parts[1:]:
            if member.isfile():
                raise EnvironmentFailure(f"the archive holds {member.name!r} beside its one folder")
            continue
        target = tree.joinpath(*path.parts[1:])
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        source = content.extractfile(member)
        assert source is not None
        _write(source, target, executable=bool(member.mode & 0o100))


def _write(source: IO[bytes], target: Path, *, executable: bool) -> None:
    """Write a new file: one that is there already is not followed anywhere."""
    mode = 0o755 if executable else 0o644
    with source, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123
        shutil.copyfileobj(source, file, _CHUNK)
