"""Toxiproxy's JSON as models: what a config file may contain, and what the OpenAPI document says of requests.

The API itself reads bodies as leniently as Toxiproxy does (`orders`); these models are what is meant by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from workbench.faultproxy.addresses import parse_address
from workbench.model.base import Frozen, Misfits, Place

NAME = r"[A-Za-z0-9_.:@\[][A-Za-z0-9_.:@\[\] -]{0,126}"
"""Names of proxies and toxics: they stand in URLs and in metrics."""

NAME_HINT = "up to 127 letters, digits, spaces and . _ : @ - [ ]"

PROTOCOLS = ("http", "tcp", "auto")

Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]


class Document(Frozen):
    """JSON as it is written: nothing is converted from text."""

    model_config = ConfigDict(strict=True)


class LatencyAttributes(Document):
    latency: Int64 = Field(default=0, description="milliseconds by which every piece is late")
    jitter: Int64 = Field(default=0, description="milliseconds, up to this much less or more")


class BandwidthAttributes(Document):
    rate: Int64 = Field(default=0, description="kB (1000 bytes) per second; 0 lets nothing through")


class SlowCloseAttributes(Document):
    delay: Int64 = Field(default=0, description="milliseconds by which the end of the connection is late")


class TimeoutAttributes(Document):
    timeout: Int64 = Field(
        default=0, description="milliseconds without data until the connection is closed; 0: it is not closed"
    )


class ResetPeerAttributes(Document):
    timeout: Int64 = Field(default=0, description="milliseconds from the first data to the reset")


class SlicerAttributes(Document):
    average_size: Int64 = Field(default=0, description="bytes of a slice, on average")
    size_variation: Int64 = Field(default=0, description="bytes, up to this much less or more; less than the average")
    delay: Int64 = Field(default=0, description="microseconds behind each slice")


class LimitDataAttributes(Document):
    bytes: Int64 = Field(default=0, description="bytes after which the connection is closed")


class NoopAttributes(Document):
    """It has none."""


class _Toxic(Document):
    type: str
    name: str = Field(default="", description="default: TYPE_STREAM", pattern=f"^({NAME})?$")
    stream: Literal["upstream", "downstream"] = Field(
        default="downstream", description="`upstream`: towards the callee; `downstream`: towards the caller"
    )
    toxicity: float = Field(default=1.0, description="part of the connections that it is put on", ge=0, le=1)


class LatencyToxic(_Toxic):
    type: Literal["latency"]
    attributes: LatencyAttributes = LatencyAttributes()


class BandwidthToxic(_Toxic):
    type: Literal["bandwidth"]
    attributes: BandwidthAttributes = BandwidthAttributes()


class SlowCloseToxic(_Toxic):
    type: Literal["slow_close"]
    attributes: SlowCloseAttributes = SlowCloseAttributes()


class TimeoutToxic(_Toxic):
    type: Literal["timeout"]
    attributes: TimeoutAttributes = TimeoutAttributes()


class ResetPeerToxic(_Toxic):
    type: Literal["reset_peer"]
    attributes: ResetPeerAttributes = ResetPeerAttributes()


class SlicerToxic(_Toxic):
    type: Literal["slicer"]
    attributes: SlicerAttributes = SlicerAttributes()


class LimitDataToxic(_Toxic):
    type: Literal["limit_data"]
    attributes: LimitDataAttributes = LimitDataAttributes()


class NoopToxic(_Toxic):
    type: Literal["noop"]
    attributes: NoopAttributes = NoopAttributes()


ToxicDocument = Annotated[
    LatencyToxic
    | BandwidthToxic
    | SlowCloseToxic
    | TimeoutToxic
    | ResetPeerToxic
    | SlicerToxic
    | LimitDataToxic
    | NoopToxic,
    Field(discriminator="type"),
]


class NewProxy(Document):
    """A listener to be made."""

    name: str = Field(description=f"the edge's name: {NAME_HINT}", examples=["orders:payments"])
    listen: str = Field(
        default="", description="host:port; port 0 takes a free one", examples=["127.0.0.1:0", "127.0.0.1:21000"]
    )
    upstream: str = Field(min_length=1, description="host:port of the callee", examples=["127.0.0.1:9"])
    enabled: bool = True
    protocol: Literal["http", "tcp", "auto"] = Field(
        default="auto", description="ours: what is spoken; `auto` finds out for each connection"
    )

    @field_validator("name")
    @classmethod
    def _has_a_good_name(cls, name: str) -> str:
        if not re.fullmatch(NAME, name):
            raise ValueError(f"{name!r} is no name for a proxy: {NAME_HINT}")
        return name


class ConfiguredProxy(NewProxy):
    """One proxy of a config file."""

    toxics: list[ToxicDocument] = Field(default=[], description="ours: put on from the start, in this order")

    @model_validator(mode="after")
    def _toxics_differ(self) -> Self:
        misfits: list[tuple[Place, str]] = []
        seen: set[str] = set()
        for index, toxic in enumerate(self.toxics):
            name = toxic.name or f"{toxic.type}_{toxic.stream}"
            if name in seen:
                misfits.append((("toxics", index, "name"), f"another toxic of this proxy is called {name!r} already"))
            seen.add(name)
        if misfits:
            raise Misfits(misfits)
        return self


class Config(Document):
    """What a config file declares."""

    proxies: list[ConfiguredProxy]

    @model_validator(mode="after")
    def _names_and_addresses_differ(self) -> Self:
        misfits = [*self._repeated("name"), *self._repeated("listen")]
        if misfits:
            raise Misfits(misfits)
        return self

    def _repeated(self, field: Literal["name", "listen"]) -> Iterator[tuple[Place, str]]:
        seen: set[str] = set()
        for index, proxy in enumerate(self.proxies):
            value: str = getattr(proxy, field)
            if value in seen and not (field == "listen" and _takes_any_port(value)):
                yield ("proxies", index, field), f"another proxy has the {field} {value!r} already"
            seen.add(value)


def _takes_any_port(listen: str) -> bool:
    try:
        return parse_address(listen, anywhere=True)[1] == 0
    except ValueError:
        return True  # said elsewhere
