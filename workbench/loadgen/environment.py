"""The Locust environment that the user's classes see: events, options, addresses; no runner and no web page.

Locustfiles with listeners (`init`, `test_start`, `request` ...) and with arguments of their own work; those
that ask for `environment.runner` find None. `environment.urls` holds the base URL of every service.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import locust
from locust.argument_parser import get_parser
from locust.env import Environment

from workbench.model.loadjob import LoadJob


def make_environment(job: LoadJob, users: Sequence[Any]) -> Any:
    """Return the environment. Locustfiles must be imported before, so that their listeners are known."""
    environment = Environment(events=locust.events, host=job.journeys[0].host, parsed_options=_defaults())
    environment.user_classes = list(dict.fromkeys(users))
    environment.urls = dict(job.urls)
    environment.events.init.fire(environment=environment, runner=None, web_ui=None)
    return environment


def _defaults() -> Any:
    """Return the options as if Locust had been started without any, those of the locustfile included."""
    with suppress(SystemExit):  # an own option that is required
        return get_parser(default_config_files=[]).parse_args([], env_vars={})
    return None
