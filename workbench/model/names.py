"""Names as they appear in files, addresses and metric labels."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

LONGEST_NAME = 63

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""A scenario, service, phase, journey, fault or SLO: lower case, digits and dashes, safe in shells and URLs."""

EdgeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}:[a-z][a-z0-9-]{0,62}$")]
"""One caller -> callee dependency, written `orders:payments`."""

JourneyName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
"""A journey; where a scenario brings its own locustfile, the name of the `User` class."""

RUN_BAGGAGE = "workbench.run.id"
"""Baggage key the load sends; services put it on every span and log line."""

CANARY_HEADER = "x-workbench-canary"
"""Requests with this header and the plane's token follow `match` but are neither counted nor numbered."""
