"""What the real toxiproxy-server 2.12.0 was seen to answer, step by step: one list for each story.

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


def toxic(name: str, kind: str, stream: str = "downstream", toxicity: float = 1, **attributes: int) -> dict[str, Any]:
    return {"attributes": attributes, "name": name, "type": kind, "stream": stream, "toxicity": toxicity}


UPSTREAM = {"upstream": "127.0.0.1:PORT"}
LATE = toxic("latency_downstream", "latency", latency=10, jitter=0)
T1 = toxic("t1", "timeout", "upstream", 0.5, timeout=0)
TOXICS = "/proxies/x/toxics"
MADE = Step("POST", "/proxies", order("x"), 201, proxy("x", **UPSTREAM))
POPULATION = '[]struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
CHANGES = 'struct { Attributes interface {} "json:\\"attributes\\""; Toxicity float32 "json:\\"toxicity\\"" }'

STORIES: dict[str, list[Step]] = {
    "nothing there": [
        Step("GET", "/proxies", None, 200, {}),
        Step("GET", "/version", None, 200, {"version": "2.12.0"}),
        Step("GET", "/nothing", None, 404, "404 page not found\n"),
        Step("GET", "/proxies/", None, 404, "404 page not found\n"),
        Step("PUT", "/proxies", None, 405, None),
        Step("DELETE", "/version", None, 405, None),
        Step("GET", "/reset", None, 405, None),
        Step("HEAD", "/proxies", None, 405, None),
        fail("GET", "/proxies/x", None, 404, "proxy not found"),
        fail("DELETE", "/proxies/x", None, 404, "proxy not found"),
        fail("POST", "/proxies/x", {}, 404, "proxy not found"),
        fail("PATCH", "/proxies/x", "junk", 404, "proxy not found"),
        fail("GET", TOXICS, None, 404, "proxy not found"),
        fail("POST", TOXICS, {"type": "latency"}, 404, "proxy not found"),
        Step("POST", "/reset", "junk", 204, None),
    ],
    "proxy bodies that cannot be read": [
        fail("POST", "/proxies", "", 400, BAD + "EOF"),
        fail("POST", "/proxies", "{", 400, BAD + "unexpected EOF"),
        fail("POST", "/proxies", "x", 400, BAD + "invalid character 'x' looking for beginning of value"),
        fail("POST", "/proxies", "[]", 400, VALUE.format("array", "toxiproxy.Proxy")),
        fail("POST", "/proxies", "true", 400, VALUE.format("bool", "toxiproxy.Proxy")),
        fail("POST", "/proxies", {"name": 1}, 400, FIELD.format("number", "Proxy.name", "string")),
        fail("POST", "/proxies", order("y", enabled="no"), 400, FIELD.format("string", "Proxy.enabled", "bool")),
        fail("POST", "/proxies", order("y", listen=7), 400, FIELD.format("number", "Proxy.listen", "string")),
        fail("POST", "/proxies", {}, 400, "missing required field: name"),
        fail("POST", "/proxies", "null", 400, "missing required field: name"),
        fail("POST", "/proxies", {"name": "x"}, 400, "missing required field: upstream"),
    ],
    "proxies that cannot listen": [
        fail("POST", "/proxies", order("y", listen="foo"), 500, "listen tcp: address foo: missing port in address"),
        fail("POST", "/proxies", order("y", listen="127.0.0.1:99999"), 500, "listen tcp: address 99999: invalid port"),
        fail("POST", "/proxies", order("y", listen="127.0.0.1:-1"), 500, "listen tcp: address -1: invalid port"),
        Step("GET", "/proxies", None, 200, {}),
    ],
    "a proxy's life": [
        MADE,
        fail("POST", "/proxies", order("x"), 409, "proxy already exists"),
        Step("GET", "/proxies/x", None, 200, proxy("x", **UPSTREAM)),
        Step("GET", "/proxies", None, 200, {"x": proxy("x", **UPSTREAM)}),
        Step("PATCH", "/proxies/x", {"enabled": False}, 200, proxy("x", enabled=False, **UPSTREAM)),
        Step("PATCH", "/proxies/x", {"enabled": True}, 200, proxy("x", **UPSTREAM)),
        Step("POST", "/proxies/x", {"upstream": "zzz"}, 200, proxy("x", upstream="zzz")),
        Step("PATCH", "/proxies/x", {"name": "y"}, 200, proxy("x", upstream="zzz")),
        Step("PATCH", "/proxies/x", "null", 200, proxy("x", upstream="zzz")),
        fail("PATCH", "/proxies/x", "", 400, BAD + "EOF"),
        fail("PATCH", "/proxies/x", {"enabled": "a"}, 400, FIELD.format("string", "Proxy.enabled", "bool")),
        fail("PATCH", "/proxies/x", {"listen": "zork"}, 500, "address zork: missing port in address"),
        Step("PATCH", "/proxies/x", {"listen": "127.0.0.1:0"}, 200, proxy("x", upstream="zzz")),
        Step("DELETE", "/proxies/x", None, 204, None),
        fail("DELETE", "/proxies/x", None, 404, "proxy not found"),
    ],
    "variants": [
        Step(
            "POST", "/proxies", order("off", enabled=False), 201,
            proxy("off", enabled=False, listen="127.0.0.1:0", **UPSTREAM),
        ),
        Step("PATCH", "/proxies/off", {"enabled": True}, 200, proxy("off", **UPSTREAM)),
        Step("POST", "/proxies", order("extra", what=1), 201, proxy("extra", **UPSTREAM)),
        Step("POST", "/proxies", order("local", listen="localhost:0"), 201, proxy("local", **UPSTREAM)),
        Step("POST", "/proxies", order("short", listen="127.0.0.1:"), 201, proxy("short", **UPSTREAM)),
        Step(
            "POST", "/proxies", {"NAME": "up", "Listen": "127.0.0.1:0", "upstream": "a:1"}, 201,
            proxy("up", upstream="a:1"),
        ),
    ],
    "toxics": [
        MADE,
        Step("GET", TOXICS, None, 200, []),
        Step("POST", TOXICS, {"type": "latency", "attributes": {"latency": 10}}, 200, LATE),
        fail("POST", TOXICS, {"type": "latency"}, 409, "toxic already exists"),
        Step(
            "POST", TOXICS,
            {"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}, "toxicity": 0.5, "name": "t1"},
            200, T1,
        ),
        Step("GET", TOXICS, None, 200, [T1, LATE]),
        Step("GET", "/proxies/x", None, 200, proxy("x", T1, LATE, **UPSTREAM)),
        Step("GET", TOXICS + "/t1", None, 200, T1),
        fail("GET", TOXICS + "/no", None, 404, "toxic not found"),
        Step("PATCH", TOXICS + "/t1", {"attributes": {"timeout": 5}}, 200, {**T1, "attributes": {"timeout": 5}}),
        Step("POST", TOXICS + "/t1", {"toxicity": 0.25}, 200, {**T1, "attributes": {"timeout": 5}, "toxicity": 0.25}),
        Step(
            "PATCH", TOXICS + "/t1", {"stream": "downstream", "name": "z", "type": "latency"}, 200,
            {**T1, "attributes": {"timeout": 5}, "toxicity": 0.25},
        ),
        Step("PATCH", TOXICS + "/latency_downstream", {"attributes": {"jitter": 3}}, 200,
             {**LATE, "attributes": {"latency": 10, "jitter": 3}}),
        Step("PATCH", TOXICS + "/latency_downstream", "null", 200,
             {**LATE, "attributes": {"latency": 10, "jitter": 3}}),
        fail("PATCH", TOXICS + "/no", {}, 404, "toxic not found"),
        Step("DELETE", TOXICS + "/t1", None, 204, None),
        fail("DELETE", TOXICS + "/t1", None, 404, "toxic not found"),
        Step("PUT", TOXICS + "/t1", {}, 405, None),
        Step("POST", "/reset", None, 204, None),
        Step("GET", TOXICS, None, 200, []),
    ],
    "toxics of every shape": [
        MADE,
        Step(
            "POST", TOXICS, {"type": "latency", "stream": "UPSTREAM", "name": "caps", "attributes": {"bogus": 1}}, 200,
            toxic("caps", "latency", "UPSTREAM", latency=0, jitter=0),
        ),
        Step("POST", TOXICS, {"type": "latency", "name": "neg", "attributes": {"latency": -10}}, 200,
             toxic("neg", "latency", latency=-10, jitter=0)),
        Step("POST", TOXICS, {"type": "latency", "name": "tox", "toxicity": 7}, 200,
             toxic("tox", "latency", toxicity=7, latency=0, jitter=0)),
        Step("POST", TOXICS, {"type": "latency", "name": "null", "attributes": None}, 200,
             toxic("null", "latency", latency=0, jitter=0)),
        Step("POST", TOXICS, '{"type":"timeout","name":"z"} trailing', 200, toxic("z", "timeout", timeout=0)),
    ],
    "toxics that cannot be read": [
        MADE,
        fail("POST", TOXICS, "", 400, BAD + "EOF"),
        fail("POST", TOXICS, {}, 400, "invalid toxic type"),
        fail("POST", TOXICS, "null", 400, "invalid toxic type"),
        fail("POST", TOXICS, {"type": "what"}, 400, "invalid toxic type"),
        fail(
            "POST", TOXICS, {"type": "latency", "stream": "side"}, 400,
            "stream was invalid, can be either upstream or downstream",
        ),
        fail("POST", TOXICS, [], 400, VALUE.format("array", "toxics.ToxicWrapper")),
        fail("POST", TOXICS, {"type": 5}, 400, FIELD.format("number", "ToxicWrapper.type", "string")),
        fail(
            "POST", TOXICS, {"type": "latency", "toxicity": "a"}, 400,
            FIELD.format("string", "ToxicWrapper.toxicity", "float32"),
        ),
        fail(
            "POST", TOXICS, {"type": "latency", "attributes": []}, 400,
            FIELD.format("array", "ToxicWrapper.attributes", "toxics.NoopToxic"),
        ),
        fail(
            "POST", TOXICS, {"type": "latency", "attributes": {"latency": "a"}}, 400,
            FIELD.format("string", "LatencyToxic.attributes.latency", "int64"),
        ),
        fail(
            "POST", TOXICS, '{"type":"latency","attributes":{"latency":1.5}}', 400,
            FIELD.format("number 1.5", "LatencyToxic.attributes.latency", "int64"),
        ),
        fail("POST", TOXICS, "{'a':1}", 400,
             BAD + r"invalid character '\'' looking for beginning of object key string"),
        Step("POST", TOXICS, {"type": "timeout", "name": "t"}, 200, toxic("t", "timeout", timeout=0)),
        fail("PATCH", TOXICS + "/t", "", 400, BAD + "EOF"),
        fail("PATCH", TOXICS + "/t", "[]", 400, VALUE.format("array", CHANGES)),
        fail("PATCH", TOXICS + "/t", {"toxicity": "a"}, 400, FIELD.format("string", ".toxicity", "float32")),
        fail("PATCH", TOXICS + "/t", {"attributes": "a"}, 400,
             FIELD.format("string", ".attributes", "toxics.TimeoutToxic")),
        fail(
            "PATCH", TOXICS + "/t", {"attributes": {"timeout": "x"}}, 400,
            FIELD.format("string", "TimeoutToxic.attributes.timeout", "int64"),
        ),
        Step("GET", TOXICS, None, 200, [toxic("t", "timeout", timeout=0)]),
    ],
    "populate": [
        Step("POST", "/populate", "", 400, {"error": BAD + "EOF", "status": 400, "proxies": None}),
        Step("POST", "/populate", {}, 400,
             {"error": VALUE.format("object", POPULATION), "status": 400, "proxies": None}),
        Step("POST", "/populate", [1], 400,
             {"error": VALUE.format("number", POPULATION[2:]), "status": 400, "proxies": None}),
        Step("POST", "/populate", [{"name": 5}], 400,
             {"error": FIELD.format("number", ".Proxy.name", "string"), "status": 400, "proxies": None}),
        Step("POST", "/populate", [], 201, {"proxies": None}),
        Step("POST", "/populate", "null", 201, {"proxies": None}),
        Step("POST", "/populate", [order("p"), {"name": "q"}], 400,
             {"error": "missing required field: upstream at proxy 2", "status": 400, "proxies": None}),
        Step("POST", "/populate", [{"upstream": "a:1"}], 400,
             {"error": "missing required field: name at proxy 1", "status": 400, "proxies": None}),
        Step("GET", "/proxies", None, 200, {}),
        Step("POST", "/populate", [order("p"), order("q", enabled=False)], 201,
             {"proxies": [proxy("p", **UPSTREAM), proxy("q", enabled=False, listen="127.0.0.1:0", **UPSTREAM)]}),
        Step("POST", "/populate", [order("p", listen="zork")], 500,
             {"error": "address zork: missing port in address", "status": 500, "proxies": None}),
        Step("POST", "/reset", None, 204, None),
        Step("GET", "/proxies/q", None, 200, proxy("q", **UPSTREAM)),
    ],
}  # fmt: skip
