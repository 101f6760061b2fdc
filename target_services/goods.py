"""The price list: what the shop sells, the same in every process and on every machine.

Catalog shows it, inventory stocks it, orders charges by it. Each has its own copy, as services do.
"""

from __future__ import annotations

from dataclasses import dataclass

COUNT = 1000
STOCK_OF_EACH = 1_000_000
CURRENCY = "EUR"
"""The only one that the shop sells in, as ISO 4217 has it."""

_MATERIALS = ("Oak", "Steel", "Linen", "Cork", "Glass", "Wool", "Copper", "Bamboo", "Leather", "Stone")
_THINGS = ("Lamp", "Chair", "Mug", "Notebook", "Backpack", "Clock", "Kettle", "Shelf", "Blanket", "Vase")
_SERIES = ("Aalto", "Bruma", "Cinder", "Dune", "Ember", "Fjord", "Grove", "Haven", "Iris", "Juno")


@dataclass(frozen=True, slots=True)
class Product:
    """One thing to buy. Prices are in cents."""

    id: int
    name: str
    description: str
    category: str
    material: str
    price_cents: int


def price_list() -> tuple[Product, ...]:
    """Return all products, numbered from 1."""
    return tuple(_product(number) for number in range(1, COUNT + 1))


def _product(number: int) -> Product:
    index = number - 1
    material = _MATERIALS[index % 10]
    thing = _THINGS[index // 10 % 10]
    series = _SERIES[index // 100 % 10]
    return Product(
        id=number,
        name=f"{series} {material} {thing}",
        description=f"A {thing.lower()} of {material.lower()} from our {series} series, made to last.",
        category=thing.lower(),
        material=material.lower(),
        price_cents=500 + number * 7919 % 19_500,
    )
