"""What a journey costs the shop: CPU of all its services together, with tracing and metrics and without them.

    .venv/bin/python benchmarks/shop_cost.py [rounds] [journeys per round]

The services of system.yaml run as they do natively, without the fault plane between them, once for each variant and
all variants at the same time. In each round the system's own journeys are sent to all variants at once, a few at a
time, and the CPU time of each variant's processes is read before and after. So what neighbours on the machine do to
one variant they do to the others in the same moment. Variants:

- `all`: spans are recorded and sent to a sink, metrics are counted and scraped once a second (as under the workbench)
- `no tracing`: OpenTelemetry is off; metrics as before
- `nothing`: OpenTelemetry is off, and metrics neither counted nor scraped

The cost of telemetry is `all` against `nothing`, per round; shown are the median and the quartiles of the rounds.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

import target_services
from workbench.adapters.machine import machine
from workbench.model.system import System

FOLDER = Path(target_services.__file__).parent
SYSTEM = System.model_validate(YAML(typ="safe").load(FOLDER / "system.yaml"))
JOURNEYS = ("browse", "checkout")
VARIANTS = ("all", "no tracing", "nothing")
WARM = 60
USERS = 2

_FORK = multiprocessing.get_context("forkserver")


# -- the shop ---------------------------------------------------------------------------------------------


def become(target: str, environment: dict[str, str], log: str, *, counts: bool) -> None:
    """Become a service. Runs in the new process."""
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    if not counts:
        from prometheus_client import Counter, Gauge, Histogram  # noqa: PLC0415 - in the new process only

        for kind, name in ((Counter, "inc"), (Gauge, "inc"), (Gauge, "dec"), (Gauge, "set"), (Histogram, "observe")):
            setattr(kind, name, lambda *_, **__: None)
    module, _, function = target.partition(":")
    getattr(importlib.import_module(module), function)()


class RunningShop:
    """All services, of one variant."""

    def __init__(self, folder: Path, variant: str, sink: str) -> None:
        folder.mkdir()
        self._folder = folder
        self._variant = variant
        self._sink = sink
        self._ports = {name: free_port() for name in SYSTEM.services}
        self._further = {(name, port): free_port() for name, of in SYSTEM.services.items() for port in of.ports}
        self._processes = {name: self._start(name) for name in SYSTEM.services}
        self.url = f"http://127.0.0.1:{self._ports[SYSTEM.entry]}"
        for name, service in SYSTEM.services.items():
            wait_for(f"http://127.0.0.1:{self._ports[name]}{service.ready}", folder / f"{name}.log")

    def cpu_s(self) -> float:
        """Return the CPU time of all services so far."""
        return sum(cpu_s(process.pid) for process in self._processes.values())

    def scrape(self) -> None:
        """Ask all services for their metrics, as the collector does."""
        for name, service in SYSTEM.services.items():
            if service.metrics is not None:
                urllib.request.urlopen(f"http://127.0.0.1:{self._ports[name]}{service.metrics}", timeout=5).read()

    def close(self) -> None:
        for process in self._processes.values():
            os.kill(process.pid or 0, signal.SIGKILL) if process.is_alive() else None
        for process in self._processes.values():
            process.join(10)

    def _start(self, name: str) -> Any:
        service = SYSTEM.services[name]
        assert service.run is not None
        data = self._folder / name
        data.mkdir(parents=True)
        fills = {"{port}": str(self._ports[name]), "{data}": str(data), "{system}": str(FOLDER)}
        fills |= {f"{{port:{further}}}": str(port) for (of, further), port in self._further.items() if of == name}
        environment = {"PATH": os.environ["PATH"], "OTEL_SERVICE_NAME": name}
        environment |= {variable: filled(text, fills) for variable, text in service.environment.items()}
        environment |= {edge.env: self._address(edge) for edge in SYSTEM.edges if edge.caller == name}
        if self._variant == "all":
            environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": self._sink}
        else:
            environment |= {"OTEL_SDK_DISABLED": "true"}
        options = {"counts": self._variant != "nothing"}
        log = str(self._folder / f"{name}.log")
        process = _FORK.Process(target=become, args=(service.run, environment, log), kwargs=options, daemon=True)
        process.start()
        return process

    def _address(self, edge: Any) -> str:
        port = self._further[edge.callee, edge.to] if edge.to is not None else self._ports[edge.callee]
        return f"http://127.0.0.1:{port}" if edge.protocol == "http" else f"127.0.0.1:{port}"


def cpu_s(pid: int) -> float:
    """Return the CPU time of all threads of a process.

    From /proc/PID/task/*/schedstat, which counts ns (Linux, Documentation/scheduler/sched-stats.rst). The times of
    /proc/PID/stat are counted by looking who runs at each tick of 4 to 10 ms; who wakes by a timer, as that which
    sends spans does, is seen too often.
    """
    return sum(int(each.read_text("ascii").split()[0]) for each in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def filled(text: str, fills: dict[str, str]) -> str:
    for placeholder, value in fills.items():
        text = text.replace(placeholder, value)
    return text


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def wait_for(url: str, log: Path, within_s: float = 60) -> None:
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2).read()  # noqa: S310 - of our own
            return
        time.sleep(0.05)
    raise SystemExit(f"{url} is not ready:\n{log.read_text()}")


# -- what stands around it --------------------------------------------------------------------------------


class Sink(BaseHTTPRequestHandler):
    """Takes spans and forgets them."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def sink() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def scraping(scrape: Callable[[], object]) -> Iterator[None]:
    """Do something once a second meanwhile."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(1.0):
            scrape()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


class Driver:
    """Makes journeys, in a process of its own: Locust changes all it touches."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "drive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def drive(self, url: str, journey: str, count: int) -> None:
        """Make so many journeys, and fail unless they end well."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{url} {SYSTEM.journeys[journey].user} {count}\n")
        self._process.stdin.flush()
        outcomes = json.loads(self._process.stdout.readline() or '{"the driver ended": 1}')
        bad = sum(number for outcome, number in outcomes.items() if outcome not in ("ok", "degraded"))
        if bad > count / 50:
            raise SystemExit(f"{journey} went wrong: {outcomes}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def be_driver() -> None:
    import gevent.monkey  # noqa: PLC0415 - only in the driver's process

    gevent.monkey.patch_all()
    from gevent.pool import Pool  # noqa: PLC0415
    from locust.env import Environment  # noqa: PLC0415

    users: dict[tuple[str, str], list[Any]] = {}
    for line in sys.stdin:
        url, user_class, count = line.split()
        outcomes: dict[str, int] = defaultdict(int)
        if (url, user_class) not in users:
            kind = type(user_class, (getattr(importlib.import_module("target_services.journeys"), user_class),), {})
            kind.host = url
            users[url, user_class] = [kind(Environment(user_classes=[kind])) for _ in range(USERS)]
            for user in users[url, user_class]:
                user.on_start()

        def one_user(user: Any, times: int, outcomes: dict[str, int]) -> None:
            for _ in range(times):
                user.tasks[0](user)
                outcomes[user.outcome] += 1

        pool = Pool(USERS)
        for user in users[url, user_class]:
            pool.spawn(one_user, user, int(count) // USERS, outcomes)
        pool.join(raise_error=True)
        print(json.dumps(outcomes), flush=True)


# -- measuring --------------------------------------------------------------------------------------------


def cost_ms(driver: Driver, shop: RunningShop, journey: str, count: int) -> float:
    """Return CPU milliseconds per journey."""
    before_s = shop.cpu_s()
    driver.drive(shop.url, journey, count)
    time.sleep(0.7)  # spans are sent, and messages delivered, a little later
    return (shop.cpu_s() - before_s) / count * 1000


def spread(values: list[float], digits: int = 2) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    rounds, count = ([int(argument) for argument in sys.argv[1:]] + [25, 80][len(sys.argv) - 1 :])[:2]
    _FORK.set_forkserver_preload([module for module in SYSTEM.preload if module.startswith("target_services")])
    results: dict[str, dict[str, list[float]]] = {journey: defaultdict(list) for journey in JOURNEYS}
    with sink() as sink_url, tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(VARIANTS)) as at_once:
        shops = {variant: RunningShop(Path(folder, variant), variant, sink_url) for variant in VARIANTS}
        drivers = {variant: Driver() for variant in VARIANTS}

        def cost_of_all_ms(journey: str, count: int) -> dict[str, float]:
            asked = {
                variant: at_once.submit(cost_ms, drivers[variant], shops[variant], journey, count)
                for variant in VARIANTS
            }
            return {variant: answer.result() for variant, answer in asked.items()}

        try:
            for journey in JOURNEYS:
                cost_of_all_ms(journey, WARM)
            with scraping(lambda: [shops[variant].scrape() for variant in VARIANTS if variant != "nothing"]):
                for _ in range(rounds):
                    for journey in JOURNEYS:
                        for variant, ms in cost_of_all_ms(journey, count).items():
                            results[journey][variant].append(ms)
        finally:
            for driver in drivers.values():
                driver.close()
            for shop in shops.values():
                shop.close()
    print(f"{machine()}\n{rounds} rounds of {count} journeys each; CPU ms per journey, median (quartiles)\n")
    print(f"| journey | {' | '.join(VARIANTS)} | telemetry costs | of it tracing |\n|---|---|---|---|---|---|")
    for journey, by_variant in results.items():
        shares = [
            [100 * (one / other - 1) for one, other in zip(by_variant[first], by_variant[second], strict=True)]
            for first, second in (("all", "nothing"), ("all", "no tracing"))
        ]
        costs = " | ".join(spread(by_variant[variant]) for variant in VARIANTS)
        print(f"| {journey} | {costs} | {spread(shares[0], 0)} % | {spread(shares[1], 0)} % |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["drive"]:
        be_driver()
    else:
        main()
