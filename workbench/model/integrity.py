"""What has to agree in a system once its work is done: the ends of a saga, and sums that nothing may change."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from workbench.model.base import Frozen

NONE = "none"
"""State of an effect that does not exist."""

Term = Annotated[str, StringConstraints(pattern=r"^-?[a-z][a-z0-9-]*\.[a-z][a-z0-9_]*$")]
"""A total of a service, `payments.captured_cents`, or its negative with a minus in front."""


class Saga(Frozen):
    """What belongs to each end of a record that several services work on."""

    ends: dict[str, dict[str, list[str]]] = Field(
        min_length=1,
        description="state of the record -> kind of effect -> states in which all effects of that kind and key may be;"
        f" `{NONE}` allows that there is none",
        examples=[{"confirmed": {"capture": ["captured"]}, "cancelled": {"capture": ["refunded", NONE]}}],
    )

    def leaves_nothing(self, end: str) -> bool:
        """Tell whether an end is the one of a record that had no effect: each kind may be missing there."""
        return end in self.ends and all(NONE in states for states in self.ends[end].values())

    @property
    def effects(self) -> list[str]:
        """Every kind of effect that an end mentions."""
        return list(dict.fromkeys(kind for effects in self.ends.values() for kind in effects))


class Conserved(Frozen):
    """A rule about totals. Exactly one of them."""

    constant: list[Term] = Field(
        default_factory=list,
        description="their sum is the same before and after the run",
        examples=[["inventory.on_hand", "inventory.reserved", "inventory.sold"]],
    )
    equal: list[list[Term]] = Field(
        default_factory=list,
        description="the sums of these lists are the same after the run",
        examples=[[["payments.captured_cents", "-payments.refunded_cents"], ["orders.confirmed_cents"]]],
    )
    zero: list[Term] = Field(
        default_factory=list, description="their sum is 0 after the run", examples=[["payments.ledger_cents"]]
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Conserved:
        if sum(map(bool, (self.constant, self.equal, self.zero))) != 1:
            raise ValueError("give exactly one of `constant`, `equal` and `zero`")
        if self.equal and (len(self.equal) < 2 or not all(self.equal)):
            raise ValueError("`equal` needs two lists or more, none of them empty")
        return self

    @property
    def terms(self) -> list[str]:
        """All totals that it is about, with their signs."""
        return [*self.constant, *(term for side in self.equal for term in side), *self.zero]


def parts(term: str) -> tuple[int, str, str]:
    """Return sign, service and total of a term."""
    service, _, total = term.removeprefix("-").partition(".")
    return -1 if term.startswith("-") else 1, service, total
