"""F3 refuse: connections are refused. The socket stays bound but does not listen; live connections are cut."""

from __future__ import annotations

from typing import ClassVar, Literal

from workbench.model.faults.base import Ability, EdgeFault, Level


class Refuse(EdgeFault):
    """The callee is down: the operating system refuses connections.

    The plane cannot count what the kernel refuses. The evidence is the plane's interval of being closed, a
    refused canary, and the callers' attempt spans with outcome `connect_refused`.
    """

    level: ClassVar[Level] = "listener"
    needs: ClassVar[frozenset[Ability]] = frozenset({Ability.NETWORK})

    kind: Literal["refuse"] = "refuse"

    def describe(self) -> str:
        return f"refuses connections{self._flapping_text()}"
