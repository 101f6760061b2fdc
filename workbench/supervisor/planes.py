"""How the fault plane of a stack is told to take everything off: ours by its faults, Toxiproxy by its own reset."""

from __future__ import annotations

from workbench.calls import NoAnswer, call, call_json

TOXIPROXY = "toxiproxy"
"""Name of the process where the real Toxiproxy serves the edges."""

_DEADLINE_S = 2.0


def undo_all(plane: str, url: str, token: str) -> None:
    """Take every fault off and see that none is left. Raises NoAnswer where that is not so."""
    if plane != TOXIPROXY:
        call_json("DELETE", f"{url}/faults", token=token, deadline_s=_DEADLINE_S)
        return
    call("POST", f"{url}/reset", deadline_s=_DEADLINE_S)
    proxies = call_json("GET", f"{url}/proxies", deadline_s=_DEADLINE_S)
    disturbed = [name for name, proxy in proxies.items() if proxy["toxics"] or not proxy["enabled"]]
    if disturbed:
        raise NoAnswer(f"toxics are left after a reset on {', '.join(disturbed)}")
