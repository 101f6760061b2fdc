"""The tables of catalog."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, String, Table

SCHEMA = MetaData()
PRODUCTS = Table(
    "products",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("description", String, nullable=False),
    Column("category", String, nullable=False),
    Column("material", String, nullable=False),
    Column("price_cents", Integer, nullable=False),
    Index("products_by_category", "category"),
    Index("products_by_price", "price_cents", "id"),
)

LARGEST_ID = 2**31 - 1
"""What every database can take for an integer."""
