"""What a story about Toxiproxy's API is made of.

`PORT` stands for any port. The server also shows an empty `Logger` in each proxy, which is left out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BAD = "bad request body: "
FIELD = BAD + "json: cannot unmarshal {} into Go struct field {} of type {}"
VALUE = BAD + "json: cannot unmarshal {} into Go value of type {}"


@dataclass(frozen=True)
class Step:
    method: str
    path: str
    body: Any
    status: int
    answer: Any


def fail(method: str, path: str, body: Any, status: int, error: str) -> Step:
    return Step(method, path, body, status, {"error": error, "status": status})


def proxy(name: str, *toxics: dict[str, Any], **changes: Any) -> dict[str, Any]:
    shown = {"name": name, "listen": "127.0.0.1:PORT", "upstream": "127.0.0.1:9", "enabled": True}
    return {**shown, "toxics": list(toxics), **changes}


def order(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9", **changes}


def toxic(name: str, kind: str, stream: str = "downstream", toxicity: float = 1, **attributes: Any) -> dict[str, Any]:
    return {"attributes": attributes, "name": name, "type": kind, "stream": stream, "toxicity": toxicity}


UPSTREAM = {"upstream": "127.0.0.1:PORT"}
LATE = toxic("latency_downstream", "latency", latency=10, jitter=0)
T1 = toxic("t1", "timeout", "upstream", 0.5, timeout=0)
TOXICS = "/proxies/x/toxics"
MADE = Step("POST", "/proxies", order("x"), 201, proxy("x", **UPSTREAM))
POPULATION = '[]struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
CHANGES = 'struct { Attributes interface {} "json:\\"attributes\\""; Toxicity float32 "json:\\"toxicity\\"" }'
