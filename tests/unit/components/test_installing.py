"""Components are fetched from a server of ours: right ones are kept whole, of all others nothing is left."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from workbench.adapters.components import installing
from workbench.adapters.components.installing import install
from workbench.adapters.components.releases import Artefact, Release, releases
from workbench.errors import EnvironmentFailure, UsageError
from workbench.model.tools import Tool

HERE = "linux-amd64"
SCRIPT = b"#!/bin/sh\necho 1.2.3\n"


@dataclass
class Publisher:
    """Serves files by path; `promised` is the length that it says they have."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    promised: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked.append(self.path)
            body = said.files.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(said.promised.get(self.path, len(body))))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    said = Publisher(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield said
    server.shutdown()
    server.server_close()


def archive(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as content:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                content.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size, info.mode = len(member[1]), 0o755
                content.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def release(
    publisher: Publisher, body: bytes, path: str = "/tool.tar.gz", changed: Mapping[str, object] | None = None
) -> Release:
    publisher.files[path] = body
    pinned = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest(), **(changed or {})}
    artefact = Artefact.model_validate({"url": publisher.url + path, **pinned})
    return Release(
        name=Tool.PROMETHEUS,
        version="1.2.3",
        program="tool",
        setting="WORKBENCH_TOOL",
        version_flag="--version",
        home="https://example.org",
        checksums="https://example.org/sums",
        artefacts={HERE: artefact},
    )


def nothing_in(cache: Path) -> bool:
    return not any(path for path in cache.rglob("*") if not path.is_dir()) and not list(cache.glob("*/.partial*"))


def ignore(_: str) -> None:
    pass


GOOD = archive(("tool-1.2.3/tool", SCRIPT), ("tool-1.2.3/consoles/page.html", b"<html>"))


_ARCHIVES = ["short", "long", "other", "garbage", "torn", "no-program", "up", "up-inside", "absolute"]
_ARCHIVES += ["symlink", "hardlink", "flat", "twice"]


def test_an_archive_is_unpacked_without_its_top_folder(publisher: Publisher, tmp_path: Path) -> None:
    folder = install(release(publisher, GOOD), tmp_path, ignore, platform=HERE)
    assert folder == tmp_path / "prometheus" / "1.2.3"
    assert SCRIPT == (folder / "tool").read_bytes()
    assert os.access(folder / "tool", os.X_OK)
    assert b"<html>" == (folder / "consoles" / "page.html").read_bytes()
    assert [folder] == list(folder.parent.iterdir())


def test_what_is_there_is_not_fetched_again(publisher: Publisher, tmp_path: Path) -> None:
    wanted, notes = release(publisher, GOOD), list[str]()
    install(wanted, tmp_path, notes.append, platform=HERE)
    install(wanted, tmp_path, notes.append, platform=HERE)
    assert ["/tool.tar.gz"] == publisher.asked
    assert "already" in notes[-1]


def test_a_bare_program_is_kept_under_its_name(publisher: Publisher, tmp_path: Path) -> None:
    folder = install(release(publisher, SCRIPT, "/tool-server-linux-amd64"), tmp_path, ignore, platform=HERE)
    assert os.access(folder / "tool", os.X_OK)


def test_a_program_may_lie_deeper(publisher: Publisher, tmp_path: Path) -> None:
    wanted = release(publisher, archive(("tool-1.2.3/bin/tool", SCRIPT))).model_copy(update={"folder": "bin"})
    folder = install(wanted, tmp_path, ignore, platform=HERE)
    assert os.access(folder / "bin" / "tool", os.X_OK)


def test_a_folder_without_its_program_is_replaced(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "prometheus" / "1.2.3" / "half").mkdir(parents=True)
    folder = install(release(publisher, GOOD), tmp_path, ignore, platform=HERE)
    assert ["consoles", "tool"] == sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("body", "changed", "told"),
    [
        (GOOD, {"size": len(GOOD) + 7}, f"gave {len(GOOD)} of the {len(GOOD) + 7} bytes"),
        (GOOD, {"size": len(GOOD) - 1}, f"gave more than the {len(GOOD) - 1} bytes"),
        (GOOD, {"sha256": "0" * 64}, "is not the file that is pinned"),
        (b"not gzip at all", {}, "is not an archive"),
        (GOOD[: len(GOOD) // 2], {}, "is not an archive"),
        (archive(("tool-1.2.3/other", SCRIPT)), {}, "holds no tool"),
        (archive(("../../tool", SCRIPT)), {}, "does not belong into a release"),
        (archive(("tool-1.2.3/../../tool", SCRIPT)), {}, "does not belong into a release"),
        (archive(("/tmp/tool", SCRIPT)), {}, "does not belong into a release"),
        (archive(link("tool-1.2.3/tool", "/bin/sh")), {}, "does not belong into a release"),
        (archive(link("tool-1.2.3/tool", "/etc/passwd", tarfile.LNKTYPE)), {}, "does not belong into a release"),
        (archive(("tool", SCRIPT)), {}, "beside its one folder"),
        (archive(("tool-1.2.3/tool", SCRIPT), ("tool-1.2.3/tool", b"again")), {}, "cannot write"),
    ],
    ids=_ARCHIVES,
)
def test_what_is_not_as_pinned_leaves_nothing(
    publisher: Publisher, tmp_path: Path, body: bytes, changed: dict[str, object], told: str
) -> None:
    with pytest.raises(EnvironmentFailure, match=told):
        install(release(publisher, body, changed=changed), tmp_path / "cache", ignore, platform=HERE)
    assert nothing_in(tmp_path / "cache")
    assert ["cache"] == [path.name for path in tmp_path.iterdir()]


def test_a_server_that_ends_early_is_told(publisher: Publisher, tmp_path: Path) -> None:
    publisher.promised["/tool.tar.gz"] = len(GOOD)
    wanted = release(publisher, GOOD)
    publisher.files["/tool.tar.gz"] = GOOD[:100]
    with pytest.raises(EnvironmentFailure, match=r"gave 100 of|cannot be fetched"):
        install(wanted, tmp_path, ignore, platform=HERE)
    assert nothing_in(tmp_path)


def test_a_server_without_the_file_is_told(publisher: Publisher, tmp_path: Path) -> None:
    wanted = release(publisher, GOOD)
    del publisher.files["/tool.tar.gz"]
    with pytest.raises(EnvironmentFailure, match="cannot be fetched: HTTP Error 404"):
        install(wanted, tmp_path, ignore, platform=HERE)
    assert nothing_in(tmp_path)


def test_without_a_size_the_sum_decides(publisher: Publisher, tmp_path: Path) -> None:
    install(release(publisher, GOOD, changed={"size": None}), tmp_path / "right", ignore, platform=HERE)
    wrong = release(publisher, GOOD, changed={"size": None, "sha256": "0" * 64})
    with pytest.raises(EnvironmentFailure, match="is not the file that is pinned"):
        install(wrong, tmp_path / "wrong", ignore, platform=HERE)
    assert nothing_in(tmp_path / "wrong")


def test_without_a_size_there_is_an_end_to_it(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "_LARGEST_FETCH", len(GOOD) - 1)
    with pytest.raises(EnvironmentFailure, match=f"more than the {len(GOOD) - 1} bytes that are the most"):
        install(release(publisher, GOOD, changed={"size": None}), tmp_path, ignore, platform=HERE)
    assert nothing_in(tmp_path)


def test_what_is_not_pinned_is_not_even_asked_for(publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not pinned yet") as refused:
        install(release(publisher, GOOD, changed={"sha256": None}), tmp_path, ignore, platform=HERE)
    assert "PATH" in str(refused.value.hint)
    assert "WORKBENCH_TOOL" in str(refused.value.hint)
    assert [] == publisher.asked


def test_another_platform_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="for plan9-mips"):
        install(release(publisher, GOOD), tmp_path, ignore, platform="plan9-mips")


def test_plain_http_is_for_this_machine_only(tmp_path: Path, publisher: Publisher) -> None:
    wanted = release(publisher, GOOD)
    elsewhere = wanted.artefacts[HERE].model_copy(update={"url": "http://example.org/tool.tar.gz"})
    with pytest.raises(UsageError, match="not an https address"):
        install(wanted.model_copy(update={"artefacts": {HERE: elsewhere}}), tmp_path, ignore, platform=HERE)


def test_the_table_names_versions_in_its_addresses() -> None:
    assert set(Tool) == set(releases())
    for found in releases().values():
        for artefact in found.artefacts.values():
            assert artefact.url.startswith("https://")
            assert found.version in artefact.url
            assert artefact.size is None or artefact.sha256 is not None


def test_every_program_is_pinned_for_common_servers() -> None:
    assert all(found.artefacts["linux-amd64"].sha256 for found in releases().values())
