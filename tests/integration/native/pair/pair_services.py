# ruff: noqa: T201 - what it prints is its log
"""Two services of the standard library: front asks back. They know nothing of the workbench."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from dataclasses import dataclass
from email.message import Message
from hashlib import blake2b
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class _Disturbance:
    order: dict[str, Any]
    ends: float
    eligible: int = 0
    hit: int = 0


class _Disturbances:
    """What back does to its database when it is told to, as docs/how-to/disturb-a-resource.md asks of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: dict[str, _Disturbance] = {}

    def transaction(self) -> bool:
        """Do what is to be done to one; tell whether it works."""
        works, wait_s = True, 0.0
        with self._lock:
            self._expire()
            for name, one in self._on.items():
                if _draw(one.order["seed"], name, one.eligible) < one.order["share"]:
                    one.hit += 1
                    works = works and one.order["do"] == "slow"
                    wait_s += one.order["delay_ns"] / 1e9
                one.eligible += 1
        time.sleep(wait_s)
        return works

    def answer(
        self, method: str, path: str, headers: Message, body: dict[str, Any]
    ) -> tuple[HTTPStatus, dict[str, Any]]:
        """Answer one request below /disturbances."""
        name = path.removeprefix("/disturbances").removeprefix("/")
        if headers.get("authorization", "") != f"Bearer {os.environ['WORKBENCH_TOKEN']}":
            return HTTPStatus.UNAUTHORIZED, {"title": "wrong or missing token"}
        with self._lock:
            self._expire()
            if method == "PUT" and headers.get("if-match") == "*" and name not in self._on:
                return HTTPStatus.PRECONDITION_FAILED, {"title": f"there is no disturbance {name}"}
            if method == "PUT":
                return self._put(name, body)
            if not name:
                listed = [self._state(one) for one in self._on]
                if method == "DELETE":
                    self._on.clear()
                return HTTPStatus.OK, {"disturbances": listed}
            if name not in self._on:
                return HTTPStatus.NOT_FOUND, {"title": f"there is no disturbance {name}"}
            state = self._state(name)
            if method == "DELETE":
                del self._on[name]
            return HTTPStatus.OK, state

    def _put(self, name: str, body: dict[str, Any]) -> tuple[HTTPStatus, dict[str, Any]]:
        ends = time.monotonic() + body.pop("lease_ms") / 1000
        if body["resource"] != "database":
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"title": f"there is no {body['resource']} here"}
        one = self._on.setdefault(name, _Disturbance(body, ends))
        if one.order != body:
            return HTTPStatus.CONFLICT, {"title": f"{name} is something else"}
        one.ends = ends
        return HTTPStatus.OK, self._state(name)

    def _state(self, name: str) -> dict[str, Any]:
        one = self._on[name]
        counts = {"eligible": one.eligible, "hit": one.hit, "passed": one.eligible - one.hit}
        return {"id": name, "resource": one.order["resource"], "do": one.order["do"], **counts}

    def _expire(self) -> None:
        now = time.monotonic()
        self._on = {name: one for name, one in self._on.items() if one.ends > now}


def _draw(seed: int, name: str, ordinal: int) -> float:
    digest = blake2b(f"{seed}|{name}|{ordinal}|hit".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


_disturbances = _Disturbances()


class _Answering(BaseHTTPRequestHandler):
    def answer(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


class _Back(_Answering):
    def do_GET(self) -> None:
        if self.path.startswith("/disturbances"):
            self.do_PUT()
        elif self.path == "/" and not _disturbances.transaction():
            self.answer(b"the words cannot be read", 500)
        else:
            self.answer(b"word")

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        status, said = _disturbances.answer(self.command, self.path, self.headers, body)
        self.answer(json.dumps(said).encode(), status)

    def do_DELETE(self) -> None:
        self.do_PUT()


class _Aside(_Answering):
    def do_GET(self) -> None:
        self.answer(b"aside")


_answers = {200: 0, 500: 0}


class _Front(_Answering):
    def do_GET(self) -> None:
        if self.path == "/metrics":
            lines = [f'front_answers_total{{code="{code}"}} {count}' for code, count in _answers.items()]
            self.answer("\n".join(["# TYPE front_answers counter", *lines, ""]).encode())
            return
        if self.path == "/die":
            os._exit(7)
        if self.path == "/ready":
            self.answer(b"ready")
            return
        back = os.environ["BACK_URL"]  # of a tcp edge it is host:port
        url = back if "//" in back else f"http://{back}/"
        try:
            with urllib.request.urlopen(url, timeout=5) as heard:  # noqa: S310 - it is http
                said = heard.read()
        except OSError:
            _answers[500] += 1
            raise
        _answers[200] += 1
        self.answer(said + f" (bugs: {os.environ['WORKBENCH_BUGS']})".encode())


def front() -> None:
    print("front starts", flush=True)
    _serve(_Front)


def back() -> None:
    print("back starts", flush=True)
    if Path("back_cannot_start").exists():
        raise SystemExit("back has no words to give")
    if "ASIDE_PORT" in os.environ:
        aside = ThreadingHTTPServer(("127.0.0.1", int(os.environ["ASIDE_PORT"])), _Aside)
        threading.Thread(target=aside.serve_forever, daemon=True).start()
    _serve(_Back)


def _serve(handler: type[BaseHTTPRequestHandler]) -> None:
    host = os.environ.get("HOST", "127.0.0.1")  # a container says that its neighbours may come in
    ThreadingHTTPServer((host, int(os.environ["PORT"])), handler).serve_forever()
