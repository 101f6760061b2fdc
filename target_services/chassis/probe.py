"""Asks the service of this container whether it is ready: exit status 0 or 1, for a health check.

    python -m target_services.chassis.probe

A process of its own, which imports next to nothing: there is no curl in a slim image.
"""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT_S = 2.0


def main() -> int:
    """Ask once, on this machine's loopback address and the port of the environment."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        sys.stdout.write(answer.read(500).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(str(error))
        return 1
    finally:
        connection.close()
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
