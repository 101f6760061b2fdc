"""Who may ask for what: the one table of the gateway's routes and roles. What is not in it cannot be added."""

from __future__ import annotations

from typing import Final

CUSTOMER: Final = "customer"
ADMIN: Final = "admin"

OPEN: Final = frozenset[str]()
"""For everybody. Tokens are not even looked at, so that browsing works when nobody can say whether they are good."""

CUSTOMERS: Final = frozenset({CUSTOMER})
ADMINS: Final = frozenset({ADMIN})
ANYBODY_KNOWN: Final = frozenset({CUSTOMER, ADMIN})

ROLES: Final = {
    ("GET", "/v1/products"): OPEN,
    ("GET", "/v1/products/{product_id}"): OPEN,
    ("POST", "/v1/accounts"): OPEN,
    ("POST", "/v1/sessions"): OPEN,
    ("POST", "/v1/sessions/refresh"): OPEN,
    ("GET", "/v1/account"): ANYBODY_KNOWN,
    ("PATCH", "/v1/account"): ANYBODY_KNOWN,
    ("POST", "/v1/orders"): CUSTOMERS,
    ("GET", "/v1/orders"): CUSTOMERS,
    ("GET", "/v1/orders/{order_id}"): CUSTOMERS,
    ("GET", "/v1/admin/orders"): ADMINS,
    ("GET", "/v1/admin/accounts"): ADMINS,
    ("GET", "/v1/admin/stock"): ADMINS,
}
