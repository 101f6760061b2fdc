"""The gateway process: its edges, its settings, its start."""

from __future__ import annotations

from pydantic import Field

from target_services.chassis.flags import Flag
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.outcomes import NEVER_SENT
from target_services.chassis.resilience.retry import Backoff, Retry
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import BaseUrl, ServiceSettings
from target_services.gateway import routes
from target_services.gateway.answer_headers import AnswerHeaders
from target_services.gateway.domain import Gateway
from target_services.gateway.guard import Guard
from target_services.gateway.keys import KeySet
from target_services.gateway.load_shedding import LoadShedding
from target_services.gateway.rate_limit import Rate
from target_services.gateway.tokens import Tokens

_DEADLINE_S = 4.0


class Settings(ServiceSettings):
    """What the gateway has to be told."""

    gateway_users_url: BaseUrl
    gateway_catalog_url: BaseUrl
    gateway_orders_url: BaseUrl
    gateway_inventory_url: BaseUrl
    gateway_user_rate: Rate = Field(default="100/second", description="most requests of one user")
    gateway_address_rate: Rate = Field(default="2000/second", description="most requests of nobody from one address")
    gateway_in_flight: int = Field(default=512, ge=1, description="requests at once; more are refused")
    gateway_keys_fresh_s: float = Field(default=300, gt=0, description="age at which keys are fetched again")
    gateway_keys_every_s: float = Field(default=1, ge=0, description="unknown keys are asked for no more often")
    gateway_leeway_s: float = Field(default=5, ge=0, le=60, description="how far clocks may be apart")


def build(settings: Settings) -> RequestScope:
    """Put the gateway together."""
    chassis = Chassis(settings)
    # A login costs users a password hash, and a refresh token is good once: neither is sent twice.
    users = chassis.edge(
        "gateway:users",
        settings.gateway_users_url,
        timeout_s=3.0,
        retry=Retry(
            attempts=2, backoff=Backoff(first_s=0.040, most_s=0.080), budget=RetryBudget(per_call=0.2, burst=20)
        ),
        retry_on=NEVER_SENT,
        breaker=BreakerPolicy(failures=10, window=16, reset_s=4.0),
        bulkhead=128,
    )
    catalog = chassis.edge(
        "gateway:catalog",
        settings.gateway_catalog_url,
        timeout_s=1.0,
        retry=Retry(
            attempts=2, backoff=Backoff(first_s=0.040, most_s=0.080), budget=RetryBudget(per_call=0.2, burst=20)
        ),
        breaker=BreakerPolicy(failures=10, window=16, reset_s=4.0, slow=13, slow_s=0.9),
        bulkhead=128,
        fallback="stale-catalog",
    )
    # An order can take seconds when payments is slow, so a second attempt is made only where the first one
    # never reached orders. Everything else is the user's to repeat, with the same key.
    orders = chassis.edge(
        "gateway:orders",
        settings.gateway_orders_url,
        timeout_s=3.0,
        retry=Retry(
            attempts=2, backoff=Backoff(first_s=0.040, most_s=0.080), budget=RetryBudget(per_call=0.2, burst=20)
        ),
        retry_on=NEVER_SENT,
        breaker=BreakerPolicy(failures=15, window=20, reset_s=4.0),
        bulkhead=128,
    )
    # Only admins ask, a page at a time: little room, so that nothing of theirs takes it from customers.
    inventory = chassis.edge(
        "gateway:inventory",
        settings.gateway_inventory_url,
        timeout_s=1.0,
        retry=Retry(
            attempts=2, backoff=Backoff(first_s=0.040, most_s=0.080), budget=RetryBudget(per_call=0.2, burst=20)
        ),
        breaker=BreakerPolicy(failures=10, window=16, reset_s=4.0),
        bulkhead=16,
    )
    gateway = Gateway(
        users=users,
        catalog=catalog,
        orders=orders,
        inventory=inventory,
        serves_stale=lambda: chassis.flags.is_on(Flag.STALE_FALLBACK),
    )
    keys = KeySet(users, fresh_s=settings.gateway_keys_fresh_s, at_most_every_s=settings.gateway_keys_every_s)
    guard = Guard(
        Tokens(keys, leeway_s=settings.gateway_leeway_s),
        chassis.metrics.registry,
        user_rate=settings.gateway_user_rate,
        address_rate=settings.gateway_address_rate,
    )
    registry = chassis.metrics.registry
    return chassis.application(
        lambda app: routes.add(app, gateway, guard),
        longest_s=_DEADLINE_S,
        layers=[AnswerHeaders, lambda app: LoadShedding(app, settings.gateway_in_flight, registry)],
    )


def main() -> None:
    """Run the gateway until SIGTERM."""
    run(Settings, build)
