"""What keeps a stack in containers from starting, or ends it: each with its message, its remedy and its exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.docker.conftest import CORE, Contained
from tests.docker.engine import NOTHING, docker, images_of
from tests.docker.forwarded import Forwarded
from tests.ended import Done
from tests.integration.native.rig import done
from tests.integration.supervisor.marks import wait_until
from tests.ports import free_ports
from workbench.calls import NoAnswer, call
from workbench.model.outcome import Exit

_UP = ("up", *CORE, "--system", "system.yaml")
_SENDERS = 8


@pytest.fixture
def uncontained(tmp_path: Path) -> Iterator[Contained]:
    """A folder with the pair, where no container comes to be, so that no engine is needed."""
    folder = Contained(tmp_path / "pair")
    yield folder
    super(Contained, folder).end()


def _programs(folder: Path, *names: str, **scripts: str) -> str:
    """Return a PATH on which there are these programs and no others."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    for name, script in scripts.items():
        file = folder / name.replace("_", "-")
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(folder)


def test_docker_is_not_installed(uncontained: Contained, tmp_path: Path) -> None:
    refused = uncontained.workbench(*_UP, PATH=_programs(tmp_path / "programs", "sh"))
    refused.refused(4, "Docker is not installed", "docs.docker.com/engine/install")


def test_the_engine_is_not_running(uncontained: Contained, tmp_path: Path) -> None:
    path = _programs(tmp_path / "programs", "sh", docker="exit 1")
    refused = uncontained.workbench(*_UP, PATH=path, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    refused.refused(4, "the Docker engine is not running", "none.sock", "systemctl start docker")


def test_nobody_listens_at_the_socket(uncontained: Contained, tmp_path: Path) -> None:
    path = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    programs = _programs(tmp_path / "programs", "sh", docker="exit 1")
    refused = uncontained.workbench(*_UP, PATH=programs, DOCKER_HOST=f"unix://{path}")
    refused.refused(4, "the Docker engine is not running")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without a permission")
def test_no_permission_on_the_socket(uncontained: Contained, tmp_path: Path) -> None:
    """Everybody else on the machine is nobody to the engine."""
    from tests.docker.nobody import refused_as_nobody  # noqa: PLC0415

    path = tmp_path / "closed.sock"
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(path))
        closed.listen()
        path.chmod(0o600)
        assert refused_as_nobody(path) == (
            "no permission to talk to the Docker engine",
            "sudo usermod -aG docker $USER, then log in again; or use rootless Docker",
        )


def test_compose_is_v1(uncontained: Contained, tmp_path: Path, images: None) -> None:
    path = _programs(tmp_path / "programs", "sh", docker="exit 1", docker_compose="")
    refused = uncontained.workbench(*_UP, PATH=path)
    refused.refused(4, "docker-compose is there, which is v1; v2 is needed", "docker-compose-plugin")


def test_compose_is_too_old(uncontained: Contained, tmp_path: Path, images: None) -> None:
    path = _programs(tmp_path / "programs", "sh", docker="echo v2.17.3")
    refused = uncontained.workbench(*_UP, PATH=path)
    refused.refused(4, "`docker compose` is 2.17.3; it has to be 2.20 or newer")


def test_the_engine_is_podman(uncontained: Contained, tmp_path: Path) -> None:
    from tests.docker.podman import Podman  # noqa: PLC0415

    with Podman(tmp_path / "podman.sock") as podman:
        programs = _programs(tmp_path / "programs", "sh", docker="exit 1")
        refused = uncontained.workbench(*_UP, PATH=programs, DOCKER_HOST=f"unix://{podman.path}")
    refused.refused(4, "is Podman, on which this has not been tried", str(podman.path), "docs/how-to/podman.md")


def test_an_image_is_missing_and_there_is_no_registry(pair: Contained) -> None:
    pair.replace("compose.yaml", "image: ${PLANE_IMAGE}", "image: nowhere.invalid/none:1")
    refused = pair.workbench(*_UP)
    refused.refused(4, "images are missing: nowhere.invalid/none:1", "docker pull nowhere.invalid/none:1")
    assert NOTHING == pair.left()


def test_an_image_is_older_than_its_sources(pair: Contained) -> None:
    (pair.path / "Dockerfile").write_text("FROM scratch\n")
    (pair.path / "Dockerfile.dockerignore").write_text("*\n")
    pair.replace("compose.yaml", "  relay:\n    <<: *small\n", "  relay:\n    <<: *small\n    build: {context: .}\n")
    refused = pair.workbench(*_UP)
    refused.refused(4, "images are out of date: resilience-workbench/plane", "workbench build")


def _back_begins_with(pair: Contained, line: str, after: str = "def back() -> None:") -> None:
    pair.replace("pair_services.py", after, f"{after}\n    {line}")


def test_a_port_that_was_asked_for_is_taken_by_a_foreign_container(pair: Contained) -> None:
    (base,) = free_ports(1)
    docker(
        "run", "--detach", "--name=foreign-port", f"--publish=127.0.0.1:{base}:80", "python:3.11-slim", "sleep", "99"
    )
    try:
        refused = pair.workbench(*_UP, "--port-base", str(base))
    finally:
        docker("rm", "--force", "foreign-port")
    refused.refused(4, f"{base} (front) is held by container foreign-port", "--port-base")
    assert NOTHING == pair.left()


def test_a_container_that_never_becomes_healthy_shows_its_last_log_lines(pair: Contained) -> None:
    pair.replace("system.yaml", "BACK_URL}", "BACK_URL}\nready_within: 15s")
    pair.replace(
        "pair_services.py", 'print("back starts", flush=True)', 'print("no words", flush=True); time.sleep(600)'
    )
    refused = pair.workbench(*_UP)
    refused.refused(4, "not ready after 15 s: ", "last log lines of back:", "no words")
    assert NOTHING == pair.left()


def test_a_container_that_ends_at_once_shows_its_last_log_lines(pair: Contained) -> None:
    (pair.path / "back_cannot_start").touch()
    refused = pair.workbench(*_UP)
    refused.refused(4, "back ended while starting: exit status 1", "back has no words to give")
    assert NOTHING == pair.left()


def test_a_full_volume_is_named_by_who_needs_it(pair: Contained) -> None:
    pair.replace(
        "compose.yaml", "  words:\n", "  words: {driver_opts: {type: tmpfs, device: tmpfs, o: 'size=4k,uid=10001'}}\n"
    )
    _back_begins_with(pair, "import sys; sys.excepthook = lambda _, error, __: print(error, file=sys.stderr)")
    _back_begins_with(pair, 'Path("/data/words").write_bytes(bytes(99_999))', after="file=sys.stderr)")
    refused = pair.workbench(*_UP)
    refused.refused(4, "back ended while starting: exit status 1", "No space left on device")


def test_the_compose_file_lacks_a_service(pair: Contained) -> None:
    pair.replace("system.yaml", "resources:", "  aside: {run: 'pair_services:back'}\nresources:")
    pair.workbench(*_UP).refused(2, "compose.yaml has no service aside", "docs/how-to/docker.md")


def test_the_system_has_no_compose_file(pair: Contained) -> None:
    pair.replace("system.yaml", "compose: compose.yaml", "")
    pair.workbench(*_UP).refused(2, "does not say how it runs in containers", "`compose: FILE`")


def test_what_only_containers_have_is_refused_natively(uncontained: Contained) -> None:
    refused = uncontained.workbench("up", "--profile", "full", "--system", "system.yaml")
    refused.refused(2, "--profile and --without are about containers", "--runtime docker")


def test_the_engine_dies_while_a_run_goes_on(pair: Contained, tmp_path: Path) -> None:
    """The run says so and can be read; what it could not remove goes with `down`, once the engine is back."""
    engine = Forwarded(tmp_path / "engine.sock")
    running = pair.start(
        "run", "disturbed", *CORE, "--allow-inconclusive", "--no-faults", DOCKER_HOST=f"unix://{engine.path}"
    )
    pair.wait_for_event('"phase"')
    engine.close()
    ended: Done = done(running)
    assert 4 == ended.code, ended.err
    assert "the Docker engine" in ended.err
    assert (pair.runs()[0] / "report.html").is_file()
    assert NOTHING != pair.left()
    assert 0 == pair.workbench("down").code
    wait_until("nothing is left", lambda: pair.left() == NOTHING)


def test_jaeger_is_out_of_memory_while_a_run_goes_on(pair: Contained, tmp_path: Path) -> None:
    """It is sent more at once than it may have."""
    long = ("--no-faults", "--set", "phases.recovery.duration=180s")
    _read_program(images_of("JAEGER_IMAGE"), tmp_path)
    running = pair.start("run", "disturbed", *CORE, "--with", "jaeger", "--allow-inconclusive", *long)
    pair.wait_for_event('"phase"')
    spans = f"http://{docker('port', pair.container('jaeger'), '4318/tcp')}/v1/traces"
    large = _large_span()
    with ThreadPoolExecutor(_SENDERS) as senders:
        while running.poll() is None and not pair.has_event("service_died"):
            list(senders.map(_send, [spans] * _SENDERS, [large] * _SENDERS))
    running.send_signal(signal.SIGINT)
    ended = done(running)
    assert Exit.SIGINT == ended.code, ended.err
    assert "jaeger died unasked: out of memory: the kernel ended it at its limit of 64 MiB" in ended.err
    (workbench_lived,) = (line for line in ended.out.splitlines() if line.startswith("  ? V5"))
    assert "jaeger, a part of the workbench, died" in workbench_lived


def _read_program(image: str, to: Path) -> None:
    """Have the engine read the program of an image, so that its pages are none of the container's.

    Pages that a container is the first to read count against its limit, and the kernel drops them rather than end it:
    it would read its program over and over for minutes.
    """
    program = docker("inspect", "--format={{index .Config.Entrypoint 0}}", image)
    container = docker("create", image)
    try:
        docker("cp", f"{container}:{program}", str(to / "program"))
    finally:
        docker("rm", container)


def _large_span() -> str:
    """Return a span of 12 MiB, as OTLP has it in JSON."""
    content = {"key": "content", "value": {"stringValue": "x" * (12 << 20)}}
    ids = {"traceId": f"{1:032x}", "spanId": f"{1:016x}"}
    times = {"startTimeUnixNano": str(time.time_ns()), "endTimeUnixNano": str(time.time_ns())}
    span = {**ids, **times, "name": "large", "attributes": [content]}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def _send(url: str, body: str) -> None:
    with suppress(NoAnswer):
        call("POST", url, body=body, deadline_s=20)
