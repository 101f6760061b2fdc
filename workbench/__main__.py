"""The command `workbench`, and `python -m workbench`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run one command. Ctrl-C has its one line from the first moment on: all else takes a while to be imported."""
    try:
        from workbench.cli.app import main as run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:
        print("exit 130: stopped by SIGINT, after undoing and saving", file=sys.stderr)  # noqa: T201 - as the last line
        sys.exit(130)


if __name__ == "__main__":
    main()
