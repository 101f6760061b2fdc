"""What Toxiproxy's clients ask for, read from request bodies and checked, and its errors."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from workbench.faultproxy.toxiproxy.documents import NAME, NAME_HINT, PROTOCOLS, ToxicDocument
from workbench.faultproxy.toxiproxy.go_json import (
    Fields,
    GoJsonError,
    as_float32,
    read_struct,
    read_value,
    wrong_type,
)
from workbench.faultproxy.toxiproxy.toxic_stages import Attributes
from workbench.faultproxy.toxiproxy.toxics import TOXICS, Chance, Toxic

_PROXY: Fields = {
    "name": "string",
    "listen": "string",
    "upstream": "string",
    "enabled": "bool",
    "protocol": "string",
}
_TOXIC: Fields = {
    "name": "string",
    "type": "string",
    "stream": "string",
    "toxicity": "float32",
    "attributes": "object",
}
_UPDATE: Fields = {"toxicity": "float32", "attributes": "object"}
_UPDATE_TYPE = r'struct { Attributes interface {} "json:\"attributes\""; Toxicity float32 "json:\"toxicity\"" }'
_POPULATION_ITEM = r'struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }'
_NAME = re.compile(NAME)


class ApiError(Exception):
    """Ends a request with an error answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.body = {"error": message, "status": status}
        self.status = status


def bad_body(error: GoJsonError) -> ApiError:
    """Return the error for a body that cannot be read."""
    return ApiError(f"bad request body: {error}", 400)


def cannot_listen(address: str, error: OSError | ValueError) -> ApiError:
    """Return the error for an address that cannot be listened on."""
    if isinstance(error, OSError):
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        return ApiError(f"listen tcp {address}: bind: {reason}", 500)
    return ApiError(f"listen tcp: {error}", 500)


def read_new_proxy(body: bytes) -> dict[str, Any]:
    """Read the body of a request to create a proxy."""
    order = read_proxy_changes(body)
    for name in ("name", "upstream"):
        if not order.get(name):
            raise ApiError(f"missing required field: {name}", 400)
    _check(order)
    return order


def read_proxy_changes(body: bytes) -> dict[str, Any]:
    """Read the body of a request to change a proxy."""
    try:
        return read_struct(read_value(body), "toxiproxy.Proxy", "Proxy", _PROXY)
    except GoJsonError as error:
        raise bad_body(error) from error


def read_population(body: bytes) -> list[dict[str, Any]]:
    """Read the body of a request to create many proxies."""
    try:
        value = read_value(body)
        if value is None:
            return []
        if not isinstance(value, list):
            raise bad_body(wrong_type(value, f"[]{_POPULATION_ITEM}"))
        orders = [read_struct(item, _POPULATION_ITEM, ".Proxy", _PROXY) for item in value]
    except GoJsonError as error:
        raise bad_body(error) from error
    for number, order in enumerate(orders, start=1):
        for name in ("name", "upstream"):
            if not order.get(name):
                raise ApiError(f"missing required field: {name} at proxy {number}", 400)
        _check(order)
    return orders


def read_new_toxic(body: bytes, is_taken: Callable[[str], bool], chance: Chance) -> Toxic:
    """Read the body of a request to create a toxic. Problems are told in the order in which Toxiproxy finds them."""
    try:
        value = read_value(body)
        order = read_struct(value, "toxics.ToxicWrapper", "ToxicWrapper", _TOXIC, any_name="toxics.NoopToxic")
        stream = order.get("stream", "downstream")
        if stream.lower() not in ("upstream", "downstream"):
            raise ApiError("stream was invalid, can be either upstream or downstream", 400)
        kind = TOXICS.get(order.get("type", ""))
        if kind is None:
            raise ApiError("invalid toxic type", 400)
        name = order.get("name") or f"{kind.type}_{stream}"
        if is_taken(name):
            raise ApiError("toxic already exists", 409)
        if not _NAME.fullmatch(name):
            raise ApiError(f"invalid toxic name: {NAME_HINT}", 400)
        attributes = kind.defaults() | _read_attributes(order, kind)
    except GoJsonError as error:
        raise bad_body(error) from error
    return kind(name, stream, as_float32(order.get("toxicity", 1.0)), attributes, chance)


def toxic_of(document: ToxicDocument, chance: Chance) -> Toxic:
    """Return the toxic that a config file declares."""
    name = document.name or f"{document.type}_{document.stream}"
    kind = TOXICS[document.type]
    return kind(name, document.stream, as_float32(document.toxicity), dict(document.attributes), chance)


def read_toxic_changes(body: bytes, toxic: Toxic) -> tuple[float, Attributes]:
    """Read the body of a request to change a toxic: toxicity and attributes as they will be."""
    kind = type(toxic)
    try:
        order = read_struct(read_value(body), _UPDATE_TYPE, "", _UPDATE, any_name=f"toxics.{kind.struct}")
        attributes = toxic.attributes | _read_attributes(order, kind)
    except GoJsonError as error:
        raise bad_body(error) from error
    return as_float32(order.get("toxicity", toxic.toxicity)), attributes


def _read_attributes(order: dict[str, Any], kind: type[Toxic]) -> Attributes:
    fields: Fields = dict.fromkeys(kind.defaults(), kind.number)
    return read_struct(order.get("attributes"), f"toxics.{kind.struct}", f"{kind.struct}.attributes", fields)


def _check(order: dict[str, Any]) -> None:
    if not _NAME.fullmatch(order["name"]):
        raise ApiError(f"invalid proxy name: {NAME_HINT}", 400)
    if order.get("protocol", "auto") not in PROTOCOLS:
        raise ApiError(f"invalid protocol, can be one of {', '.join(PROTOCOLS)}", 400)
