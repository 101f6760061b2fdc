"""`python -m workbench.supervisor.sweep LABEL`: remove the containers of a stack whose supervisor is gone."""

from __future__ import annotations

import sys

from workbench.supervisor.docker_engine import EngineGone, client, remove_labelled


def main() -> int:
    """Remove them, and say what could not be."""
    try:
        problems = remove_labelled(client(), sys.argv[1])
    except EngineGone as error:
        problems = [str(error)]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
