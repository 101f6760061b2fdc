"""Ends what services do to their own databases, brokers and caches, when whoever asked for it is gone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from workbench.calls import NoAnswer, call, call_json

_DEADLINE_S = 5.0


def end_all(urls: Mapping[str, str], token: str) -> list[str]:
    """Have no disturbance in any service; return why some may still be on. A process that has ended has none."""
    problems = []
    for service, url in urls.items():
        try:
            with suppress(NoAnswer):  # whether it helped is seen below
                call("DELETE", url, token=token, deadline_s=_DEADLINE_S)
            left = call_json("GET", url, token=token, deadline_s=_DEADLINE_S)["disturbances"]
        except NoAnswer as error:
            cause = error.__cause__
            if not (isinstance(cause, NoAnswer) and isinstance(cause.__cause__, ConnectionRefusedError)):
                problems.append(f"{service} may still disturb its database, broker or cache: {error}")
        except (KeyError, TypeError):
            problems.append(f"{service} does not say whether it disturbs its database, broker or cache")
        else:
            problems += [f"{service} does not end disturbance {one['id']}" for one in left]
    return problems
