"""Demo accounts, for the load and for looking around: customer-1, customer-2 ... and admin, all with one password.

They share one hash, which is why hundreds of them are made in the time of one.
"""

from __future__ import annotations

from target_services.users.accounts import ADMIN, CUSTOMER, Account, Accounts
from target_services.users.passwords import Passwords

PASSWORD = "correct horse battery staple"  # noqa: S105 - meant to be known
ADMINS_NAME = "admin"


async def fill(accounts: Accounts, passwords: Passwords, count: int) -> None:
    """Make `count` customers and one admin, unless they are there."""
    if await accounts.named(ADMINS_NAME) is not None and await accounts.named(f"customer-{count}") is not None:
        return
    password_hash = await passwords.hash(PASSWORD)
    customers = [
        Account.new(f"customer-{number}", f"Customer {number}", CUSTOMER, password_hash)
        for number in range(1, count + 1)
    ]
    await accounts.add([Account.new(ADMINS_NAME, "Administrator", ADMIN, password_hash), *customers])
