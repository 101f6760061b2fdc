"""Commands about this installation: doctor, version."""

from __future__ import annotations

from workbench import __version__
from workbench.cli.options import Json
from workbench.cli.rendering import as_json
from workbench.cli.streams import last_line, say
from workbench.diagnosis import Finding, examine
from workbench.model.outcome import Exit
from workbench.wiring import local_stack

_STYLES = {"ok": "green", "note": "dim", "warning": "yellow", "bad": "bold red"}
_MARKS = {"ok": "✓", "note": "·", "warning": "!", "bad": "✗"}


def doctor(*, json: Json = False) -> int:
    """Examine this machine and this folder, and name for each thing that is wrong the command that mends it.

    [bold]Example:[/]  workbench doctor
    """
    findings = examine(local_stack())
    if json:
        as_json([finding.as_dict() for finding in findings])
    else:
        for finding in findings:
            _show(finding)
    code = Exit.FAILED if any(finding.state == "bad" for finding in findings) else Exit.PASS
    if code and not json:
        last_line(code)
    return code


def _show(finding: Finding) -> None:
    say(f"{_MARKS[finding.state]} {finding.what}: {finding.found}", _STYLES[finding.state])
    if finding.remedy:
        say(f"    {finding.remedy}")


def version() -> None:
    """Print the version.

    [bold]Example:[/]  workbench version
    """
    say(f"workbench {__version__}")
