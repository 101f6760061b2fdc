"""The ways between containers and this machine.

From inside to the collector, which listens on this machine's loopback address, where no container can reach: the
collector dials out. It keeps a few idle connections to the relay's published port, and whoever connects to the relay
from inside is joined to one of them. So nothing on this machine listens where other machines could come in, and it
works where containers are in a virtual machine, too.

From this machine to where a container would connect: the relay connects there and says how that ended. A published
port does not show it, because the engine accepts there whether or not anybody listens behind it.
"""

from __future__ import annotations

INSIDE_PORT = 4318
"""Where containers find the collector: spans go there, and Prometheus scrapes it."""

GREETING = b"workbench-relay "
"""What the collector says first, with the token and a line break behind it."""

IDLE = 8
"""Connections that the collector keeps waiting."""

ASKING = b"workbench-connect "
"""What is said first to be connected, with the token, a space, `host:port` and a line break behind it."""

CONNECTED, REFUSED, BROKEN = b"connected\n", b"refused\n", b"broken\n"
"""What the relay answers. What comes behind the first is from whom it has connected to."""
