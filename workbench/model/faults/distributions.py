"""Seeded deviates: how far a delay is from its mean, in units of the jitter.

The same on every platform, to the last bit: the mathematical library of a system may round as it likes, so what
needs more than arithmetic and a square root is computed in decimal, with 28 digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal

from workbench.model.faults.seeded import Draw

_CONTEXT = Context(prec=28)


def uniform(draw: Draw) -> float:
    """Return a number from -1 to 1, each as likely as any other."""
    return 2 * draw.uniform("jitter") - 1


def normal(draw: Draw) -> float:
    """Return a normal deviate (mean 0, standard deviation 1).

    The polar method: G. Marsaglia and T. A. Bray, "A convenient method for generating normal variables", SIAM
    Review 6 (1964); D. E. Knuth, The Art of Computer Programming, vol. 2, 3.4.1, algorithm P.
    """
    tries = 0
    while True:
        x = 2 * draw.uniform(f"normal x {tries}") - 1
        y = 2 * draw.uniform(f"normal y {tries}") - 1
        s = x * x + y * y
        if 0 < s < 1:
            return x * math.sqrt(-2 * float(_CONTEXT.ln(Decimal(s))) / s)
        tries += 1


def pareto(draw: Draw) -> float:
    """Return a deviate with the heavy tail of Linux' netem: (u^(-1/3) - 3/2) · 4/3, with u uniform in (0, 1].

    That is a Pareto distribution of shape 3 around its mean, as netem/pareto.c of iproute2 makes its table; it ends
    at 4, as that table does, so its mean is -0.03.
    """
    u = Decimal(1 - draw.uniform("pareto"))
    return min((float(_CONTEXT.power(u, _CONTEXT.divide(Decimal(-1), Decimal(3)))) - 1.5) * 4 / 3, 4.0)


DEVIATES: dict[str, Callable[[Draw], float]] = {"uniform": uniform, "normal": normal, "pareto": pareto}

LOWEST: dict[str, float] = {"uniform": -1.0, "normal": -3.0, "pareto": -2 / 3}
"""Where each begins; a normal deviate lies below this one time in 740."""
