"""What stands inside the page besides its content: our style and script, and the chart library. All of it from files.

Our own files are made a little smaller; the library is not touched.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AROUND = re.compile(r"\s*([{};,>])\s*")
_AFTER_COLON = re.compile(r":\s+")


@cache
def style() -> str:
    """Return the style sheets, without comments and needless white space."""
    text = _COMMENT.sub("", _read("vendor", "uPlot.min.css") + _read("assets", "report.css"))
    return _AFTER_COLON.sub(":", _AROUND.sub(r"\1", " ".join(text.split()))).replace(";}", "}")


def scripts(*, charts: bool) -> list[str]:
    """Return the scripts of a page; the chart library only where there is something to draw."""
    own = _own_script()
    return [_read("vendor", "uPlot.iife.min.js").strip(), own] if charts else [own]


@cache
def _own_script() -> str:
    """Return our script without indentation and whole-line comments; it has no literals over several lines."""
    lines = (line.strip() for line in _read("assets", "report.js").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@cache
def licence() -> str:
    """Return the licence of the chart library, which has to go where the library goes."""
    return _read("vendor", "uPlot-LICENSE.txt").strip()


@cache
def allowed(script: str) -> str:
    """Return what a content security policy has to say so that exactly this script may run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _read(folder: str, name: str) -> str:
    return (files("workbench.reporting") / folder / name).read_text(encoding="utf-8")
