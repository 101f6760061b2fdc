"""Stands in for `locust.web`, which is half of the time that importing Locust takes and serves a page nobody sees.

Whatever Locust takes from there is an empty class.
"""

from __future__ import annotations


def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})
