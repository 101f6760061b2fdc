"""Real processes of the shop on free ports, each with a database in a folder of the test.

They are forked from a process that has imported everything, as the native runtime does it: a start costs a
fraction of a second instead of several, and shows that importing the services starts nothing.
"""

from __future__ import annotations

import http.client
import importlib
import json
import multiprocessing
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.integration.databases import Databases
from tests.ports import free_ports

TOKEN = "let-me-in"
PASSWORD = "correct horse battery staple"
SERVICES = ("provider", "payments", "inventory", "notifications", "orders", "catalog", "users", "gateway")
EDGES = {
    "GATEWAY_USERS_URL": ("gateway", "users"),
    "GATEWAY_CATALOG_URL": ("gateway", "catalog"),
    "GATEWAY_ORDERS_URL": ("gateway", "orders"),
    "GATEWAY_INVENTORY_URL": ("gateway", "inventory"),
    "CATALOG_INVENTORY_TARGET": ("catalog", "inventory"),
    "ORDERS_INVENTORY_URL": ("orders", "inventory"),
    "ORDERS_PAYMENTS_URL": ("orders", "payments"),
    "ORDERS_NOTIFICATIONS_URL": ("orders", "notifications"),
    "PAYMENTS_PROVIDER_URL": ("payments", "provider"),
}

_FORK = multiprocessing.get_context("forkserver")
_FORK.set_forkserver_preload([f"target_services.{service}.app" for service in SERVICES])


class ServiceProcess:
    """One process of a service."""

    def __init__(self, service: str, environment: dict[str, str], log: Path) -> None:
        self._process = _FORK.Process(target=_run, args=(service, environment, str(log)), daemon=True)
        self._process.start()

    def send_signal(self, number: signal.Signals) -> None:
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, number)

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int:
        self._process.join(timeout_s)
        assert self._process.exitcode is not None, f"waited {timeout_s} s in vain for the process to end"
        return self._process.exitcode


def _run(service: str, environment: dict[str, str], log: str) -> None:
    """Become the service. Runs in the new process."""
    os.environ.clear()
    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    importlib.import_module(f"target_services.{service}.app").main()


def wait_until(what: str, condition: Callable[[], Any], within_s: float = 60.0) -> Any:
    """Return the first true value of `condition`; fail with words when the time is over."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {within_s} s in vain for: {what}")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Shop:
    folder: Path
    traces_to: str | None = None
    extra: dict[str, dict[str, str]] = field(default_factory=dict)
    bugs: str = ""
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        *ports, self.grpc_port = free_ports(len(SERVICES) + 1)
        self.ports = dict(zip(SERVICES, ports, strict=True))

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def behind(self, variable: str) -> tuple[str, int, bool]:
        """Return the caller of an edge, the port of its callee, and whether it speaks gRPC."""
        caller, callee = EDGES[variable]
        speaks_grpc = variable.endswith("_TARGET")
        return caller, self.grpc_port if speaks_grpc else self.ports[callee], speaks_grpc

    def environment(self, service: str) -> dict[str, str]:
        edges = {}
        for variable in EDGES:
            caller, port, speaks_grpc = self.behind(variable)
            if caller == service:
                edges[variable] = f"127.0.0.1:{port}" if speaks_grpc else f"http://127.0.0.1:{port}"
        if service == "inventory":
            edges["GRPC_PORT"] = str(self.grpc_port)
        return {
            "PATH": os.environ["PATH"],
            "OTEL_SERVICE_NAME": service,
            "PORT": str(self.ports[service]),
            "DATABASE_URL": Databases.url(self.folder, service),
            "DRAIN_S": "0.3",
            "DEMO_ACCOUNTS": "20",
            "WORKBENCH_STACK": "test",
            "WORKBENCH_TOKEN": TOKEN,
            "WORKBENCH_BUGS": self.bugs,
            **({"OTEL_EXPORTER_OTLP_ENDPOINT": self.traces_to} if self.traces_to else {}),
            **edges,
            **self.extra.get(service, {}),
        }

    def launch(self, *services: str) -> None:
        """Start processes without waiting for them."""
        for service in services or SERVICES:
            log = self.folder / f"{service}.log"
            self.processes[service] = ServiceProcess(service, self.environment(service), log)

    def start(self, *services: str) -> None:
        """Start processes and wait until they are ready."""
        services = services or SERVICES
        if "gateway" in services and "users" not in (*services, *self.processes):
            services = ("users", *services)  # without it, nobody gets in
        self.launch(*services)
        for service in services:
            wait_until(f"{service} to be ready", partial(self._ready, service), within_s=90)

    def _ready(self, service: str) -> bool:
        assert self.processes[service].poll() is None, f"{service} ended:\n{self.log(service)}"
        try:
            return self.ask("GET", "/readyz", service=service).status == 200
        except OSError:
            return False

    def stop(self, service: str, how: signal.Signals = signal.SIGTERM, within_s: float = 60.0) -> int:
        """End a process and return its exit status."""
        process = self.processes.pop(service)
        process.send_signal(how)
        return process.wait(within_s)

    def close(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGKILL)
        for process in self.processes.values():
            process.wait(60)

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        service: str = "gateway",
        headers: dict[str, str] | None = None,
        timeout_s: float = 60,
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[service], timeout=timeout_s)
        try:
            content = None if body is None else json.dumps(body)
            sent = {"content-type": "application/json"} if body is not None else {}
            connection.request(method, path, content, {**sent, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read().decode()
            is_json = "json" in (answer.getheader("content-type") or "")
            return Reply(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                json.loads(text) if is_json else text,
            )
        finally:
            connection.close()

    def order(self, key: str, *, product: int = 1, quantity: int = 1, card: str = "tok_visa", **options: Any) -> Reply:
        """Order something the way a client does."""
        price = options.pop("price", None) or self.price(product)
        body = {"product_id": product, "quantity": quantity, "unit_price_cents": price, "card": card}
        # Services behind believe the gateway, so that whoever asks them directly says who it is.
        who = {"x-customer-id": "c1"} if options.get("service", "gateway") != "gateway" else self.logged_in()
        headers = {"idempotency-key": key, **who, **options.pop("headers", {})}
        return self.ask("POST", "/v1/orders", body, headers=headers, **options)

    def log_in(self, name: str = "customer-1", password: str = PASSWORD) -> Reply:
        """Log in the way a client does."""
        return self.ask("POST", "/v1/sessions", {"name": name, "password": password})

    def logged_in(self, name: str = "customer-1") -> dict[str, str]:
        """Return the header of somebody who has logged in, and does so again when half the token's time is over."""
        token, until_s = self.tokens.get(name, ("", 0.0))
        if time.monotonic() >= until_s:
            reply = self.log_in(name)
            assert reply.status == 201, reply
            token = reply.body["access_token"]
            self.tokens[name] = token, time.monotonic() + reply.body["expires_in"] / 2
        return {"authorization": f"Bearer {token}"}

    def order_at_once(self, **options: Any) -> Reply:
        """Order until one is confirmed at once: on a machine without room, some are queued instead."""

        def confirmed() -> Reply | None:
            reply = self.order(str(uuid.uuid4()), **options)
            return reply if reply.status == 201 else None

        reply: Reply = wait_until("an order to be confirmed at once", confirmed)
        return reply

    def declined_at_once(self, **options: Any) -> tuple[str, Reply]:
        """Order with a bad card until one is declined and undone at once, as above. Returns its key, too."""

        def declined() -> tuple[str, Reply] | None:
            key = str(uuid.uuid4())
            reply = self.order(key, card="tok_declined", **options)
            return (key, reply) if reply.status == 402 and reply.body["order"]["state"] == "cancelled" else None

        found: tuple[str, Reply] = wait_until("an order to be declined at once", declined)
        return found

    def product_with_badge(self, product: int) -> Reply:
        """Look at a product until it has its badge: on a machine without room, inventory is too late with some."""

        def whole() -> Reply | None:
            reply = self.ask("GET", f"/v1/products/{product}")
            return reply if reply.status == 200 and reply.body["degraded"] is False else None

        reply: Reply = wait_until("a product with its badge", whole)
        return reply

    def price(self, product: int) -> int:
        from target_services.goods import price_list  # noqa: PLC0415 - the harness starts without the shop

        return price_list()[product - 1].price_cents

    def state(self, order_id: str) -> str:
        state: str = self.ask("GET", f"/v1/orders/{order_id}", headers=self.logged_in()).body["state"]
        return state

    def audit(self, service: str) -> Any:
        return self.ask("GET", "/audit", service=service, headers={"authorization": f"Bearer {TOKEN}"}).body

    def open_orders(self) -> int:
        """Return how many orders are not at their end; what is still to be told of the others is not counted."""
        audit = self.audit("orders")
        return int(audit["pending"] - audit["totals"]["outbox"])

    def metric(self, service: str, line: str) -> float:
        """Return the value of one line of the metrics."""
        text = self.ask("GET", "/metrics", service=service).body
        values = [row.rsplit(" ", 1)[1] for row in text.splitlines() if row.rsplit(" ", 1)[0] == line]
        assert values, f"{service} has no metric {line}"
        return float(values[0])
