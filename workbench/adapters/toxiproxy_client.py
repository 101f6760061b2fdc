"""Toxiproxy's API through the package `toxiproxy-python`, with what the package leaves out.

The package keeps the server's address in a class, has no deadlines and no updates, and takes statuses that it does not
know for success. For the length of one call the class is pointed at our server and the package's way to the network
is ours; before and after it is as its other users left it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from toxiproxy import Toxiproxy, api
from toxiproxy.proxy import Proxy

from workbench.adapters.toxics import Toxic
from workbench.errors import HarnessError

DEADLINE_S = 5.0
"""Removing a toxic under readers that have stalled can take 25 s, and nothing else is answered meanwhile."""

_TURN = threading.RLock()
"""The package has one address for everybody, so calls take turns."""

_LOG = "its log is in .workbench/logs/toxiproxy.log"


class ServerRefused(HarnessError):
    """The server answered with an error. `status` is that of HTTP: 404 unknown, 409 taken, 400 not understood."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, hint=_LOG)
        self.status = status


class ToxicNow(BaseModel):
    """A toxic that is on."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: dict[str, Any]


class ProxyNow(BaseModel):
    """A proxy as it is. The server says more than this."""

    model_config = ConfigDict(frozen=True)

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: list[ToxicNow]


_PROXIES = TypeAdapter(dict[str, ProxyNow])


class ToxiproxyClient:
    """One server. Every call has a deadline and raises HarnessError where it fails.

    Safe to use from several threads.
    """

    def __init__(self, url: str, *, deadline_s: float = DEADLINE_S) -> None:
        parts = urlsplit(url)
        self.url = url
        self._address = parts.hostname, parts.port
        self._deadline_s = deadline_s

    def version(self) -> str:
        """Return the server's version, such as `2.12.0`."""
        with self._package("tell its version"):
            answer = api.APIConsumer.get("/version")
        return str(answer.json()["version"])

    def proxies(self) -> dict[str, ProxyNow]:
        """Return all proxies with their toxics."""
        with self._package("list its proxies"):
            content = api.APIConsumer.get("/proxies").content
        try:
            return _PROXIES.validate_json(content)
        except ValidationError as error:
            raise HarnessError(f"toxiproxy's list of proxies cannot be understood: {error}", hint=_LOG) from error

    def create(self, name: str, listen: str, upstream: str) -> ProxyNow:
        """Make a proxy; one that is there with these addresses stays as it is."""
        with self._package(f"make proxy {name}") as package:
            package.populate([{"name": name, "listen": listen, "upstream": upstream}])
        return self.proxies()[name]

    def add(self, proxy: str, toxic: Toxic, *, toxicity: float = 1.0) -> None:
        """Put a toxic on."""
        with self._package(f"add {toxic.type} to {proxy}"):
            _handle(proxy).add_toxic(
                name=toxic.name,
                type=toxic.type,
                stream=toxic.stream,
                toxicity=toxicity,
                attributes=toxic.attributes,
            )

    def update(self, proxy: str, toxic: str, attributes: dict[str, int], *, toxicity: float = 1.0) -> None:
        """Change a toxic that is on; attributes that are not named stay."""
        with self._package(f"change {toxic} on {proxy}"):
            api.requests.patch(
                url=f"{self.url}/proxies/{proxy}/toxics/{toxic}",
                json={"attributes": attributes, "toxicity": toxicity},
            )

    def remove(self, proxy: str, toxic: str) -> bool:
        """Take a toxic off; False if it was not on."""
        try:
            with self._package(f"remove {toxic} from {proxy}"):
                _handle(proxy).destroy_toxic(toxic)
        except ServerRefused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def enable(self, proxy: str, *, on: bool) -> None:
        """Open or close a listener; closing cuts its connections."""
        with self._package(f"{'enable' if on else 'disable'} {proxy}"):
            handle = _handle(proxy)
            if on:
                handle.enable()
            else:
                handle.disable()

    def reset(self) -> None:
        """Take all toxics off and enable all proxies."""
        with self._package("reset it") as package:
            package.reset()

    @contextmanager
    def _package(self, doing: str) -> Iterator[Any]:
        """Lend the package our address and our deadline. Whatever goes wrong becomes a HarnessError."""
        with _TURN:
            consumer = api.APIConsumer
            before = consumer.host, consumer.port, api.requests
            consumer.host, consumer.port = self._address
            api.requests = _Strict(self._deadline_s)
            try:
                yield Toxiproxy()
            except requests.Timeout as error:
                raise HarnessError(
                    f"toxiproxy at {self.url} did not {doing} within {self._deadline_s:g} s", hint=_LOG
                ) from error
            except requests.RequestException as error:
                raise HarnessError(f"toxiproxy at {self.url} did not {doing}: {error}", hint=_LOG) from error
            finally:
                consumer.host, consumer.port, api.requests = before


class _Strict:
    """What the package takes for the module `requests`: each call has a deadline, and an error is an error."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s

    def get(self, **request: Any) -> requests.Response:
        return self._send("GET", request)

    def post(self, **request: Any) -> requests.Response:
        return self._send("POST", request)

    def patch(self, **request: Any) -> requests.Response:
        return self._send("PATCH", request)

    def delete(self, **request: Any) -> requests.Response:
        return self._send("DELETE", request)

    def _send(self, method: str, request: dict[str, Any]) -> requests.Response:
        with requests.Session() as session:  # of its own, so that a server that was replaced is found again
            session.trust_env = False  # a proxy of the user's is no way to our loopback
            answer = session.request(method, timeout=self._deadline_s, **request)
        if not answer.ok:
            try:
                reason = answer.json()["error"]
            except (ValueError, KeyError, TypeError):
                reason = answer.text.strip()
            message = f"toxiproxy refused {method} {urlsplit(answer.url).path}: status {answer.status_code}, {reason}"
            raise ServerRefused(message, answer.status_code)
        return answer


def _handle(proxy: str) -> Any:
    """The package's own object for a proxy; what it needs to send orders is the name alone."""
    return Proxy(name=proxy, upstream="", enabled=True, listen="")
