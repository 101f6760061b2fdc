"""What the real toxiproxy-server 2.12.0 was seen to answer about toxics, step by step: one list for each story."""

from __future__ import annotations

from typing import Any

from tests.integration.faultproxy.toxiproxy_steps import (
    BAD,
    CHANGES,
    FIELD,
    LATE,
    MADE,
    T1,
    TOXICS,
    UPSTREAM,
    VALUE,
    Step,
    fail,
    proxy,
    toxic,
)

TYPES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "latency": ("LatencyToxic", "int64", {"latency": 0, "jitter": 0}),
    "bandwidth": ("BandwidthToxic", "int64", {"rate": 0}),
    "slow_close": ("SlowCloseToxic", "int64", {"delay": 0}),
    "timeout": ("TimeoutToxic", "int64", {"timeout": 0}),
    "reset_peer": ("ResetToxic", "int64", {"timeout": 0}),
    "slicer": ("SlicerToxic", "int", {"average_size": 0, "size_variation": 0, "delay": 0}),
    "limit_data": ("LimitDataToxic", "int64", {"bytes": 0}),
    "noop": ("NoopToxic", "int64", {}),
}
"""Each type with its Go names and its attributes."""

STORIES: dict[str, list[Step]] = {
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
    "every type of toxic": [
        MADE,
        *(
            step
            for kind, (struct, number, attributes) in TYPES.items()
            for step in (
                Step("POST", TOXICS, {"type": kind}, 200, toxic(f"{kind}_downstream", kind, **attributes)),
                Step(
                    "POST", TOXICS, {"type": kind, "stream": "upstream", "attributes": dict.fromkeys(attributes, 7)},
                    200, toxic(f"{kind}_upstream", kind, "upstream", 1, **dict.fromkeys(attributes, 7)),
                ),
                Step("PATCH", f"{TOXICS}/{kind}_downstream", {"attributes": dict.fromkeys(attributes, 3)}, 200,
                     toxic(f"{kind}_downstream", kind, "downstream", 1, **dict.fromkeys(attributes, 3))),
                fail("PATCH", f"{TOXICS}/{kind}_downstream", {"attributes": 1}, 400,
                     FIELD.format("number", ".attributes", f"toxics.{struct}")),
                *(
                    fail("POST", TOXICS, {"type": kind, "name": "wrong", "attributes": {name: "7"}}, 400,
                         FIELD.format("string", f"{struct}.attributes.{name}", number))
                    for name in attributes
                ),
                Step("DELETE", f"{TOXICS}/{kind}_downstream", None, 204, None),
                fail("GET", f"{TOXICS}/{kind}_downstream", None, 404, "toxic not found"),
            )
        ),
        Step("GET", TOXICS, None, 200, [
            toxic(f"{kind}_upstream", kind, "upstream", **dict.fromkeys(attributes, 7))
            for kind, (_, _, attributes) in TYPES.items()
        ]),
        Step("POST", "/reset", None, 204, None),
        Step("GET", TOXICS, None, 200, []),
    ],
    "numbers as Go keeps them": [
        MADE,
        Step("POST", TOXICS, {"type": "noop", "toxicity": 0.123456789}, 200,
             toxic("noop_downstream", "noop", toxicity=0.12345679)),
        Step("PATCH", TOXICS + "/noop_downstream", {"toxicity": 0.1}, 200,
             toxic("noop_downstream", "noop", toxicity=0.1)),
        Step("PATCH", TOXICS + "/noop_downstream", '{"toxicity":1e-50}', 200,
             toxic("noop_downstream", "noop", toxicity=0)),
        Step("PATCH", TOXICS + "/noop_downstream", {"toxicity": -1}, 200,
             toxic("noop_downstream", "noop", toxicity=-1)),
        fail("PATCH", TOXICS + "/noop_downstream", '{"toxicity":1e39}', 400,
             FIELD.format("number 1e39", ".toxicity", "float32")),
        fail("PATCH", TOXICS + "/noop_downstream", '{"toxicity":1e400}', 400,
             FIELD.format("number 1e400", ".toxicity", "float32")),
        fail("POST", TOXICS, f'{{"type":"noop","toxicity":{10**400}}}', 400,
             FIELD.format(f"number {10**400}", "ToxicWrapper.toxicity", "float32")),
        fail("POST", TOXICS, '{"type":"latency","attributes":{"latency":99999999999999999999}}', 400,
             FIELD.format("number 99999999999999999999", "LatencyToxic.attributes.latency", "int64")),
        Step("POST", TOXICS, '{"type":"latency","attributes":{"latency":-0}}', 200,
             toxic("latency_downstream", "latency", latency=0, jitter=0)),
    ],
    "the first problem is told": [
        MADE,
        Step("POST", TOXICS, {"type": "noop"}, 200, toxic("noop_downstream", "noop")),
        Step("POST", TOXICS, {"type": "latency"}, 200, toxic("latency_downstream", "latency", latency=0, jitter=0)),
        fail("POST", TOXICS, {"type": "latency", "attributes": {"latency": "x"}}, 409, "toxic already exists"),
        fail("POST", TOXICS, {"type": "what", "stream": "side"}, 400,
             "stream was invalid, can be either upstream or downstream"),
        fail("POST", TOXICS, {"type": "latency", "stream": ""}, 400,
             "stream was invalid, can be either upstream or downstream"),
        fail("POST", TOXICS, {"type": "what", "name": "noop_downstream"}, 400, "invalid toxic type"),
    ],
    "JSON that is none": [
        MADE,
        *(
            fail("POST", TOXICS, body, 400, BAD + message)
            for body, message in {
                '{"a":tru}': "invalid character '}' in literal true (expecting 'e')",
                '{"a":01}': "invalid character '1' after object key:value pair",
                '{"a":-}': "invalid character '}' in numeric literal",
                '{"a":1.}': "invalid character '}' after decimal point in numeric literal",
                '{"a":1e}': "invalid character '}' in exponent of numeric literal",
                '{"a":"\\x"}': "invalid character 'x' in string escape code",
                '{"a":"\\u12"}': "invalid character '\"' in \\u hexadecimal character escape",
                '{"a":"\t"}': "invalid character '\\t' in string literal",
                '{"a":[1 2]}': "invalid character '2' after array element",
                '{"a" "b"}': "invalid character '\"' after object key",
                '{"a":1 "b"}': "invalid character '\"' after object key:value pair",
                '{"a":1,}': "invalid character '}' looking for beginning of object key string",
                "{,}": "invalid character ',' looking for beginning of object key string",
                '{"a":NaN}': "invalid character 'N' looking for beginning of value",
                "nul": "unexpected EOF",
                "[": "unexpected EOF",
                '"': "unexpected EOF",
                "  ": "EOF",
                "\xa0{}": "invalid character '\\u00a0' looking for beginning of value",
            }.items()
        ),
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
}  # fmt: skip
