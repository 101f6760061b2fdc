"""Settings of a service, read once from the environment and validated before anything starts.

All problems are reported at once, in the words of the variables, and end the process with status 2. No other
module reads the environment.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from target_services.chassis.bugs import Bug

_EXAMPLES = "sqlite:////var/lib/shop/orders.db or postgresql://shop@127.0.0.1:5432/orders"


def _database_url(text: str) -> str:
    try:
        driver = make_url(text).drivername
    except ArgumentError:
        raise ValueError(
            "is not a database URL, such as sqlite:////var/lib/shop/orders.db or postgresql://shop@127.0.0.1:5432/orders"
        ) from None
    if driver not in ("sqlite", "postgresql"):
        raise ValueError(f"uses the driver {driver!r}; this service can use sqlite and postgresql")
    if driver == "postgresql" and find_spec("psycopg") is None:
        raise ValueError("needs a driver that is not installed: pip install 'resilience-workbench[servers]'")
    return text


def _base_url(text: str) -> str:
    if not text.startswith(("http://", "https://")) or len(text.split("//", 1)[1].strip("/")) == 0:
        raise ValueError("is not a base URL, such as http://127.0.0.1:8080")
    return text.rstrip("/")


def _target(text: str) -> str:
    host, separator, port = text.rpartition(":")
    if not separator or not host or "/" in host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("is not a gRPC target, such as 127.0.0.1:8081")
    return text


def _cache_url(text: str) -> str:
    if not text.startswith(("redis://", "rediss://")):
        raise ValueError("is not a cache URL, such as redis://127.0.0.1:6379/0")
    return text


def _broker_url(text: str) -> str:
    if not text.startswith(("amqp://", "amqps://")) or len(text.split("//", 1)[1].strip("/")) == 0:
        raise ValueError("is not a broker's URL, such as amqp://user:password@127.0.0.1:5672/shop")
    return text


DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
CacheUrl = Annotated[str, AfterValidator(_cache_url)]
GrpcTarget = Annotated[str, AfterValidator(_target)]
BrokerUrl = Annotated[str, AfterValidator(_broker_url)]


class ServiceSettings(BaseSettings):
    """What every service can be told. A variable has the name of its field in upper case, or its alias."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, case_sensitive=False)

    service_name: str = Field(validation_alias="OTEL_SERVICE_NAME", pattern=r"^[a-z][a-z0-9-]{0,62}$")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(ge=1, le=65535, description="port to listen on")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    drain_s: float = Field(default=1.0, ge=0, le=30, description="how long to serve on after SIGTERM, being not ready")
    finish_s: float = Field(default=2.0, gt=0, le=60, description="how long requests in flight may take after that")
    body_limit_bytes: int = Field(default=65_536, ge=1024, le=2**30, description="largest body of a request")
    flags_file: Path | None = Field(default=None, description="feature flags as JSON; unset: the defaults hold")
    traces_to: BaseUrl | None = Field(default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    workbench_stack: str | None = Field(default=None, description="set when the service runs under the workbench")
    workbench_token: SecretStr | None = Field(
        default=None, validate_default=True, description="what audit and flush ask for"
    )
    workbench_bugs: Annotated[frozenset[Bug], NoDecode] = Field(default=frozenset(), description="bugs to plant")

    @field_validator("workbench_token")
    @classmethod
    def _token_under_the_workbench(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if info.data.get("workbench_stack") and not (token and token.get_secret_value()):
            raise ValueError("must be set where WORKBENCH_STACK is set: it guards the audit")
        return token

    @field_validator("workbench_bugs", mode="before")
    @classmethod
    def _known_bugs_under_the_workbench(cls, raw: Any, info: ValidationInfo) -> Any:
        names = [name.strip() for name in raw.split(",") if name.strip()] if isinstance(raw, str) else list(raw)
        if unknown := sorted(set(names) - set(Bug)):
            raise ValueError(f"unknown bug {', '.join(map(repr, unknown))}; there are: {', '.join(sorted(Bug))}")
        if names and not info.data.get("workbench_stack"):
            raise ValueError("bugs are planted only under the workbench (WORKBENCH_STACK is not set)")
        return frozenset(Bug(name) for name in names)


S = TypeVar("S", bound=BaseSettings)


def load_settings(kind: type[S]) -> S:
    """Read the settings from the environment, or say all that is wrong with it and exit with status 2."""
    try:
        return kind()
    except ValidationError as error:
        _refuse(kind, error)


def _refuse(kind: type[BaseSettings], error: ValidationError) -> NoReturn:
    problems = [f"  {_variable(kind, str(e['loc'][0]))}: {_words(e)}" for e in error.errors()]
    noun = "problem" if len(problems) == 1 else "problems"
    sys.stderr.write(f"{kind.__name__}: {len(problems)} {noun} in the environment:\n" + "\n".join(problems) + "\n")
    raise SystemExit(2) from None


def _variable(kind: type[BaseSettings], name: str) -> str:
    field = kind.model_fields.get(name)
    alias = field.validation_alias if field is not None else None
    return alias if isinstance(alias, str) else name.upper()


def _words(error: Any) -> str:
    if error["type"] == "missing":
        return "is not set"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return f"{error['msg'][0].lower()}{error['msg'][1:]} (got {error['input']!r})"
