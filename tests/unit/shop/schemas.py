"""What each service says its schema is, and where its revisions are."""

from __future__ import annotations

from target_services.catalog.tables import SCHEMA as CATALOG
from target_services.inventory.domain import SCHEMA as INVENTORY
from target_services.notifications.domain import SCHEMA as NOTIFICATIONS
from target_services.orders.tables import SCHEMA as ORDERS
from target_services.payments.tables import SCHEMA as PAYMENTS
from target_services.provider.domain import SCHEMA as PROVIDER
from target_services.users.tables import SCHEMA as USERS

SCHEMAS = {
    "catalog": CATALOG,
    "inventory": INVENTORY,
    "notifications": NOTIFICATIONS,
    "orders": ORDERS,
    "payments": PAYMENTS,
    "provider": PROVIDER,
    "users": USERS,
}
"""A service with a database belongs in here."""


def migrations(service: str) -> str:
    return f"target_services.{service}.migrations"
