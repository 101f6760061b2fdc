"""What stands inside a page besides its content: our style and script, and the chart library. All of it from files.

Our own files are made a little smaller; the library is packed, and otherwise not touched.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from functools import cache
from importlib.resources import files
from typing import Literal

Page = Literal["report", "live"]

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AROUND = re.compile(r"\s*([{};,>])\s*")
_AFTER_COLON = re.compile(r":\s+")


@cache
def style(page: Page = "report") -> str:
    """Return the style sheets, without comments and needless white space."""
    own = _read("assets", "live.css") if page == "live" else ""
    text = _COMMENT.sub("", _read("vendor", "uPlot.min.css") + _read("assets", "page.css") + own)
    return _AFTER_COLON.sub(":", _AROUND.sub(r"\1", " ".join(text.split()))).replace(";}", "}")


@cache
def library() -> str:
    """Return the chart library as it runs."""
    return _read("vendor", "uPlot.iife.min.js").strip()


@cache
def packed_library() -> str:
    """Return the chart library deflated and in Base64: 30 KB of 51. Our script unpacks and adds it.

    The content security policy names its hash, so nothing else could be added in its place.
    """
    return base64.b64encode(zlib.compress(library().encode(), level=9)).decode()


@cache
def script(page: Page = "report") -> str:
    """Return our script without indentation and whole-line comments; it has no literals over several lines."""
    files_of_it = ("theme.js", "charts.js", f"{page}.js")
    lines = (line.strip() for name in files_of_it for line in _read("assets", name).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


@cache
def page(name: str) -> str:
    """Return the frame of a page that is served: comments in it say where the rest goes."""
    return _read("assets", f"{name}.html")


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
    return (files("workbench.pages") / folder / name).read_text(encoding="utf-8")
