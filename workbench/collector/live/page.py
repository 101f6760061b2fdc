"""The page as one text: our style, our script and the chart library in it, and a policy that lets nothing else run."""

from __future__ import annotations

import hashlib
from functools import cache

from workbench.pages import inlined

_CLOSED = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@cache
def live_page() -> str:
    """Return the page. It has no data: that comes as events."""
    return (
        inlined.page("live")
        .replace("/*style*/", inlined.style("live"))
        .replace("/*library*/", inlined.library())
        .replace("/*script*/", inlined.script("live"))
    )


@cache
def page_digest() -> str:
    """Return a text that changes with the page: one that was left open through an upgrade loads itself anew."""
    return hashlib.sha256(live_page().encode()).hexdigest()[:12]


@cache
def locked_page() -> str:
    """Return what is shown to who has no token."""
    return inlined.page("locked").replace("/*style*/", inlined.style("live"))


@cache
def _policy() -> str:
    scripts = " ".join(map(inlined.allowed, (inlined.library(), inlined.script("live"))))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {inlined.allowed(inlined.style('live'))}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


PAGE_HEADERS = {**_CLOSED, "Content-Security-Policy": _policy()}

REPORT_HEADERS = {**_CLOSED, "Content-Security-Policy": "sandbox allow-scripts allow-popups allow-modals"}
"""A report may have come from elsewhere: what runs in it is not of the page's origin, and could not stop a run."""
