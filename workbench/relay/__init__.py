"""The way from containers to the collector, which listens on this machine's loopback address, where none can reach.

The collector dials out: it keeps a few idle connections to the relay's published port. Whoever connects to the relay
from inside is joined to one of them. So nothing on this machine listens where other machines could come in, and it
works where containers are in a virtual machine, too.
"""

from __future__ import annotations

INSIDE_PORT = 4318
"""Where containers find the collector: spans go there, and Prometheus scrapes it."""

GREETING = b"workbench-relay "
"""What the collector says first, with the token and a line break behind it."""

IDLE = 8
"""Connections that the collector keeps waiting."""
