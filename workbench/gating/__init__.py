"""Gate: a policy turns a verdict into an exit code for CI. Only here may an undecided run pass, and only if said so."""

from __future__ import annotations

from workbench.gating.gate import gate
from workbench.gating.policy import Acceptance, GatePolicy
from workbench.gating.policy_file import read_policy

__all__ = ["Acceptance", "GatePolicy", "gate", "read_policy"]
