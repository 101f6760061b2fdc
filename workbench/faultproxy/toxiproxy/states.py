"""What Toxiproxy's API answers and takes besides new proxies, as models: only to describe it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, RootModel

from workbench.faultproxy.toxiproxy.documents import Document, Int64, NewProxy, ToxicDocument


class Toxic(BaseModel):
    """A toxic as it is."""

    attributes: dict[str, Int64]
    name: str
    type: str
    stream: str
    toxicity: float


class Proxy(BaseModel):
    """A proxy as it is. `listen` is the real address."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: list[Toxic]
    protocol: str = Field(default="auto", description="ours; missing if nobody said")


class Toxics(RootModel[list[Toxic]]):
    """All toxics of a proxy."""


class Proxies(RootModel[dict[str, Proxy]]):
    """All proxies by name."""


class NewToxic(RootModel[ToxicDocument]):
    """A toxic to be made."""


class ToxicChanges(Document):
    """What is not given stays. Attributes are those of the toxic's type."""

    toxicity: float | None = None
    attributes: dict[str, Int64] | None = None


class ProxyChanges(Document):
    """What is not given stays."""

    listen: str | None = None
    upstream: str | None = None
    enabled: bool | None = None


class Population(RootModel[list[NewProxy]]):
    """Proxies to be made."""


class Populated(BaseModel):
    """What was made, up to the error if there was one."""

    error: str = ""
    status: int = 0
    proxies: list[Proxy] | None


class Version(BaseModel):
    version: str


class OpenApi(RootModel[dict[str, Any]]):
    """An OpenAPI document."""
