"""`workbench faultproxy`: the plane in place of a Toxiproxy server, from its flags to its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.ended import Done
from tests.integration.faultproxy.process import DEADLINE_S, callee, send
from tests.integration.faultproxy.toxiproxy_servers import ask

COMMAND = [sys.executable, "-m", "workbench", "faultproxy"]


@contextmanager
def alone(*flags: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start it on a free port; yields the process and the port."""
    environment = {**os.environ, "LOG_LEVEL": "trace"}
    process = subprocess.Popen([*COMMAND, "-port", "0", *flags], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        said = process.stdout.readline().split()
        yield process, int(said[4].rpartition(":")[2])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ended(*flags: str) -> Done:
    done = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def config(folder: Path, proxies: Any) -> str:
    file = folder / "proxies.json"
    file.write_text(proxies if isinstance(proxies, str) else json.dumps(proxies, indent="\t"), encoding="utf-8")
    return str(file)


def test_a_config_file_with_toxics_and_all_flags(tmp_path: Path) -> None:
    """As Go takes flags: one dash or two, a value behind a space or an equals sign."""
    with callee() as (upstream, asked):
        late = {"type": "latency", "stream": "upstream", "attributes": {"latency": 50}}
        proxies = [
            {"name": "x", "listen": "127.0.0.1:0", "upstream": upstream, "toxics": [late, {"type": "noop"}]},
            {"name": "off", "listen": "127.0.0.1:0", "upstream": upstream, "enabled": False},
        ]
        flags = ("-config", config(tmp_path, proxies), "--seed=7", "-runtime-metrics=true", "--proxy-metrics")
        with alone(*flags) as (process, port):
            shown = ask(port, "GET", "/proxies").json
            assert [toxic["name"] for toxic in shown["x"]["toxics"]] == ["latency_upstream", "noop_downstream"]
            assert not shown["off"]["enabled"]
            edge = shown["x"]["listen"]
            assert send(int(edge.rpartition(":")[2]), "GET", "/x", None, {}).status == 200
            assert asked == ["/x"]
            samples = scraped(port)
            labels = {"listener": edge, "proxy": "x", "upstream": upstream}
            counts = {
                (name, way): samples[name, tuple(sorted({**labels, "direction": way}.items()))]
                for name in ("toxiproxy_proxy_received_bytes_total", "toxiproxy_proxy_sent_bytes_total")
                for way in ("upstream", "downstream")
            }
            assert len(set(counts.values())) == 2, "what came in went out"
            assert min(counts.values()) > 0
            assert samples["process_open_fds", ()] > 5
            assert samples["process_network_receive_bytes_total", ()] > 0
            assert samples["workbench_plane_attempts_total", (("edge", "x"),)] == 1
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=DEADLINE_S) == 0


def scraped(port: int) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = ask(port, "GET", "/metrics").body.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_without_flags_there_are_only_our_metrics_and_sigterm_ends_it() -> None:
    with alone("-proxy-metrics=false") as (process, port):
        ask(port, "POST", "/proxies", {"name": "x", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"})
        assert {name.partition("_")[0] for name, _ in scraped(port)} == {"workbench"}
        for listen in ("0.0.0.0:0", "[::]:0"):
            refused = ask(port, "POST", "/proxies", {"name": "y", "listen": listen, "upstream": "127.0.0.1:9"})
            assert "not a loopback address" in refused.json["error"]
        process.terminate()
        assert process.wait(timeout=DEADLINE_S) == 0


def test_other_machines_only_when_told() -> None:
    """Then edges may listen anywhere, names without a dot are good hosts, and strangers still are not."""
    with alone("--host", "0.0.0.0") as (_, port):
        made = ask(port, "POST", "/proxies", {"name": "x", "listen": ":0", "upstream": "127.0.0.1:9"})
        assert made.json["listen"].startswith("0.0.0.0:")
        assert ask(port, "PATCH", "/proxies/x", {"listen": "localhost:0"}).json["listen"].startswith("127.0.0.1:")
        for host, status in (("toxiproxy:8474", 200), ("10.0.0.1", 200), ("evil.example", 403), ("", 403)):
            assert send(port, "GET", "/version", None, {"Host": host}).status == status, host
        assert send(port, "GET", "/version", None, {"Origin": "http://toxiproxy:8474"}).status == 403
        order = {"directory": "/tmp", "run_id": "r", "canary": "0123456789"}
        assert ask(port, "PUT", "/recording", order).status == 403


def test_version_and_flags_that_are_none() -> None:
    assert "toxiproxy-server version 2.12.0" in ended("-version").out
    ended("-bogus").refused(2, "No such option", "--help")
    ended("-proxy-metrics=maybe").refused(2, "--proxy-metrics")


def test_all_problems_of_a_config_file_are_named_at_once(tmp_path: Path) -> None:
    """With line, value and what would be right: by the proxy as by the toxic."""
    file = config(
        tmp_path,
        '[{"name": "a", "listn": "x", "listen": "0.0.0.0:80", "upstream": "", "toxics": [\n'
        '  {"type": "latncy"},\n'
        '  {"type": "slicer", "attributes": {"average": 5}, "toxicity": 5},\n  {}]},\n'
        ' {"name": "a/b", "upstream": 7, "enabled": "yes"}]\n',
    )
    ended("-config", file).refused(
        2,
        "proxies.json:1: 0.listen: address 0.0.0.0:80: not a loopback address; listen on 127.0.0.1, or start",
        "proxies.json:1: 0.listn: unknown key 'listn'; did you mean 'listen'?",
        "proxies.json:2: 0.toxics.0.type: unknown type 'latncy'; did you mean 'latency'?",
        "proxies.json:3: 0.toxics.1.attributes.average: unknown key 'average'; did you mean 'average_size'?",
        "proxies.json:3: 0.toxics.1.toxicity: ",
        "proxies.json:4: 0.toxics.2: `type` is missing",
        "proxies.json:5: 1.name: 'a/b' is no name for a proxy",
        "proxies.json:5: 1.upstream: ",
        "proxies.json:5: 1.enabled: ",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "has to be a list"),
        ('[{"name": "a",}]', ":1: is not valid JSON"),
        ('[{"name": "a", "upstream": "b:1"},\n {"name": "a", "upstream": "b:1"}]', ":2: 1.name: another proxy has"),
        ('[{"name": "a", "upstream": "b:1", "toxics": [{"type": "noop"},\n{"type": "noop"}]}]', ":2: 0.toxics.1"),
    ],
)
def test_config_files_that_do_not_hold(tmp_path: Path, text: str, message: str) -> None:
    ended("-config", config(tmp_path, text)).refused(2, message)


def test_busy_ports_are_told_with_their_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        by_us = f"(pid {os.getpid()}"
        ended("--port", str(port)).refused(4, f"port {port} is held by", by_us, "--port")
        proxies = [{"name": "x", "listen": f"127.0.0.1:{port}", "upstream": "127.0.0.1:9"}]
        ended("-port=0", "-config", config(tmp_path, proxies)).refused(
            4, f"proxy x cannot listen on 127.0.0.1:{port}", by_us
        )


def test_a_token_of_the_environment_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_TOKEN", "secret")
    with alone() as (_, port):
        assert ask(port, "GET", "/faults").status == 401
        assert ask(port, "GET", "/proxies").status == 200
        assert send(port, "GET", "/faults", None, {"Authorization": "Bearer secret"}).status == 200
