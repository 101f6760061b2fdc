"""Runs one service: python -m target_services orders. Everything else is in the environment."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the service that the command names, until SIGTERM."""
    names = sorted(file.parent.name for file in Path(__file__).parent.glob("*/app.py"))
    if len(sys.argv) != 2 or sys.argv[1] not in names:
        sys.stderr.write(f"usage: python -m target_services SERVICE; there are: {', '.join(names)}\n")
        raise SystemExit(2)
    os.environ.setdefault("OTEL_SERVICE_NAME", sys.argv[1])
    importlib.import_module(f"target_services.{sys.argv[1]}.app").main()


if __name__ == "__main__":
    main()
