"""Bodies are read as Toxiproxy reads them: lenient about more, strict about types, with its words."""

from __future__ import annotations

import pytest

from workbench.faultproxy.toxiproxy.go_json import Fields, GoJsonError, as_float32, read_struct, read_value

FIELDS: Fields = {"name": "string", "enabled": "bool", "latency": "int64", "toxicity": "float32", "more": "object"}


def read(body: str) -> object:
    return read_struct(read_value(body.encode()), "pkg.Type", "Type", FIELDS, any_name="pkg.More")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("null", {}),
        ("{}", {}),
        ('{"NAME":"x","unknown":[1]}', {"name": "x"}),
        ('{"name":null,"enabled":false}', {"enabled": False}),
        ('{"latency":5,"toxicity":1} trailing', {"latency": 5, "toxicity": 1}),
        ('{"toxicity":0.5,"more":{"a":1}}', {"toxicity": 0.5, "more": {"a": 1}}),
    ],
)
def test_what_is_read(body: str, value: object) -> None:
    assert value == read(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "EOF"),
        ("  \n", "EOF"),
        ("{", "unexpected EOF"),
        ('{"name":"x', "unexpected EOF"),
        ("nul", "unexpected EOF"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ("{'a':1}", r"invalid character '\'' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ('{"a":[1 2]}', "invalid character '2' after array element"),
        ('{"a":01}', "invalid character '1' after object key:value pair"),
        ('{"a":-}', "invalid character '}' in numeric literal"),
        ('{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
        ('{"a":1e+}', "invalid character '}' in exponent of numeric literal"),
        ('{"a":tru}', "invalid character '}' in literal true (expecting 'e')"),
        ('{"a":"\t"}', r"invalid character '\t' in string literal"),
        (r'{"a":"\x"}', "invalid character 'x' in string escape code"),
        (r'{"a":"\u12"}', r"invalid character '\"' in \u hexadecimal character escape".replace(r"\"", '"')),
        ("\x00", r"invalid character '\x00' looking for beginning of value"),
        ('{"toxicity":1e39}', "json: cannot unmarshal number 1e39 into Go struct field Type.toxicity of type float32"),
        ("NaN", "invalid character 'N' looking for beginning of value"),
        ("[]", "json: cannot unmarshal array into Go value of type pkg.Type"),
        ("5", "json: cannot unmarshal number into Go value of type pkg.Type"),
        ("true", "json: cannot unmarshal bool into Go value of type pkg.Type"),
        ('{"name":1}', "json: cannot unmarshal number into Go struct field Type.name of type string"),
        ('{"enabled":"a"}', "json: cannot unmarshal string into Go struct field Type.enabled of type bool"),
        ('{"latency":1.50}', "json: cannot unmarshal number 1.50 into Go struct field Type.latency of type int64"),
        ('{"latency":1e3}', "json: cannot unmarshal number 1e3 into Go struct field Type.latency of type int64"),
        (
            '{"latency":99999999999999999999}',
            "json: cannot unmarshal number 99999999999999999999 into Go struct field Type.latency of type int64",
        ),
        ('{"latency":true}', "json: cannot unmarshal bool into Go struct field Type.latency of type int64"),
        ('{"more":"a"}', "json: cannot unmarshal string into Go struct field Type.more of type pkg.More"),
        ('{"toxicity":{}}', "json: cannot unmarshal object into Go struct field Type.toxicity of type float32"),
    ],
)
def test_what_is_refused_and_how(body: str, message: str) -> None:
    with pytest.raises(GoJsonError) as caught:
        read(body)
    assert message == str(caught.value)


def test_a_deep_body_is_refused() -> None:
    with pytest.raises(GoJsonError):
        read_value(b"[" * 100_000)


@pytest.mark.parametrize(("given", "kept"), [(0.123456789, 0.12345679), (0.1, 0.1), (1.0, 1), (1e-50, 0), (-1, -1)])
def test_numbers_are_kept_in_single_precision(given: float, kept: float) -> None:
    assert kept == as_float32(given)


def test_halves_of_pairs_are_replaced_and_many_digits_are_a_number() -> None:
    assert read(r'{"name":"\ud800x"}') == {"name": "\ufffdx"}
    with pytest.raises(GoJsonError, match="cannot unmarshal number 1000"):
        read('{"latency":1' + "0" * 5000 + "}")
