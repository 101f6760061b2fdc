"""Tables of users. Of a refresh token only its digest is kept, of a password only its hash."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

SCHEMA = MetaData()

ACCOUNTS = Table(
    "accounts",
    SCHEMA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("display_name", String, nullable=False),
    Column("role", String, nullable=False),
    Column("password_hash", String, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Index("accounts_by_age", "created_ns", "id"),
)

ATTEMPTS = Table(
    "login_attempts",
    SCHEMA,
    Column("name_digest", String, primary_key=True, doc="also of names that nobody has"),
    Column("count", Integer, nullable=False),
    Column("since_ns", BigInteger, nullable=False, index=True),
)

FAMILIES = Table(
    "token_families",
    SCHEMA,
    Column("id", String, primary_key=True),
    Column("account_id", String, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("revoked", Boolean, nullable=False),
    Column("expires_ns", BigInteger, nullable=False, index=True),
)

REFRESH_TOKENS = Table(
    "refresh_tokens",
    SCHEMA,
    Column("digest", String, primary_key=True),
    Column("family_id", String, ForeignKey("token_families.id"), nullable=False, index=True),
    Column("used", Boolean, nullable=False),
)

SIGNING_KEYS = Table(
    "signing_keys",
    SCHEMA,
    Column("kid", String, primary_key=True),
    Column("private_pem", Text, nullable=False),
    Column("signs_from_ns", BigInteger, nullable=False, doc="published before, so that everybody knows it by then"),
    Column("created_ns", BigInteger, nullable=False),
)
