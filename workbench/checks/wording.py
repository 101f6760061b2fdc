"""Numbers as a reader wants them: "812 ms", "99.3 %", "3 calls". Words only, no judgement."""

from __future__ import annotations

from workbench.model.units import NS_PER_MS, NS_PER_S


def time(ns: float) -> str:
    """Write a length of time with three digits: 0.42 ms, 812 ms, 4.25 s."""
    if abs(ns) >= NS_PER_S:
        return f"{_short(ns / NS_PER_S)} s"
    return f"{_short(ns / NS_PER_MS)} ms"


def times(interval: tuple[float, float]) -> str:
    """Write an interval of times: 480 ms to 520 ms."""
    return f"{time(interval[0])} to {time(interval[1])}"


def share(ratio: float) -> str:
    """Write a share in percent. What is not all is never written as 100 %, and what is not none never as 0 %."""
    percent = ratio * 100
    for digits in (1, 2, 3, 4, 6):
        text = f"{percent:.{digits}f}"
        if (float(text) not in (0.0, 100.0)) or ratio in (0, 1):
            break
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def shares(interval: tuple[float, float]) -> str:
    """Write an interval of shares: 97.6 % to 99.9 %."""
    return f"{share(interval[0])} to {share(interval[1])}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: 1 call, 3 calls, 1 412 tries."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}".replace(",", " ")


def listed(names: list[str]) -> str:
    """Write names as a sentence does: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def _short(number: float) -> str:
    text = f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}"
    return f"{float(text):g}" if abs(number) < 1000 else text
