"""What a person sees while a run goes on: on stderr, live on a terminal, one line per event elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from workbench.cli.streams import item
from workbench.engine.ports import Tick
from workbench.model.events import AnyEvent, Event, PhaseStarted
from workbench.model.loadjob import Progress
from workbench.model.units import NS_PER_MS, NS_PER_S
from workbench.pages.sentences import Weight, sentence

_STYLES: dict[Weight, str] = {"detail": "dim", "normal": "", "warning": "yellow", "bad": "bold red"}
_MARKS: dict[Weight, str] = {"detail": "·", "normal": "•", "warning": "!", "bad": "✗"}
_WINDOW_NS = 5 * NS_PER_S
_BREAKER_STYLES = {"open": "bold red", "half open": "yellow"}


class RunConsole:
    """An EventSink for people."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._zero_known = False
        self._seen: deque[Progress] = deque()
        self._phase_length_ns = 0

    @contextmanager
    def live(self) -> Iterator[None]:
        """Keep a panel at the bottom of the terminal while this is open."""
        if not self._console.is_terminal:
            yield
            return
        with Live(Text(""), console=self._console, refresh_per_second=8, transient=True) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def note(self, text: str) -> None:
        """Say something that is not an event of a run."""
        self._console.print(Text(f"  · {text}", style="dim"))

    def page(self, address: str) -> None:
        """Say where the run can be watched. The address is a key, so it is for a terminal and no log."""
        if self._console.is_terminal:
            self.note(f"live page: {address}")

    def event(self, event: AnyEvent) -> None:
        text, weight = sentence(event)
        self._zero_known = self._zero_known or event.event == "load_started"
        if weight == "detail" and self._console.is_terminal:
            return
        if isinstance(event, PhaseStarted):
            self._phase_length_ns = 0
        style = _STYLES[weight]
        item(self._console, Text(f"{self._time(event)} {_MARKS[weight]} ", style=style), Text(text, style=style))

    def _time(self, event: Event) -> str:
        return f"{event.at_ns / NS_PER_S:6.1f} s" if self._zero_known else "        "

    def tick(self, tick: Tick) -> None:
        if self._live is None:
            return
        self._measure(tick)
        self._live.update(Group(self._phase(tick), self._load(tick), self._resilience(tick)))

    def _measure(self, tick: Tick) -> None:
        """Rates over the last seconds: arrivals are random, so a single second says little."""
        if tick.progress is None or (self._seen and self._seen[-1].at_ns == tick.progress.at_ns):
            return
        self._seen.append(tick.progress)
        while self._seen[-1].at_ns - self._seen[0].at_ns > _WINDOW_NS:
            self._seen.popleft()

    def _rate(self, total: Callable[[Progress], int]) -> str:
        if len(self._seen) < 2:
            return "–"
        first, last = self._seen[0], self._seen[-1]
        return f"{(total(last) - total(first)) * NS_PER_S / (last.at_ns - first.at_ns):.0f}/s"

    def _phase(self, tick: Tick) -> Table:
        self._phase_length_ns = max(self._phase_length_ns, tick.phase_left_ns)
        done = self._phase_length_ns - tick.phase_left_ns
        row = Table.grid(padding=(0, 1))
        row.add_row(
            Text.assemble("    phase ", (tick.phase, "bold")),
            ProgressBar(total=max(self._phase_length_ns, 1), completed=done, width=24),
            Text(f"{tick.phase_left_ns / NS_PER_S:.0f} s left,", style="bold"),
            Text(f"{tick.run_left_ns / NS_PER_S:.0f} s of the run"),
        )
        return row

    def _load(self, tick: Tick) -> Text:
        progress = tick.progress
        if progress is None:
            return Text("     load starting", style="dim")
        ended = sum(progress.outcomes.values())
        bad = sum(count for name, count in progress.outcomes.items() if name in ("failed", "indeterminate"))
        p95 = "  –  " if progress.p95_ns is None else f"{progress.p95_ns / NS_PER_MS:.0f} ms"
        errors = f"{bad / ended:.1%}" if ended else "–"
        offered, achieved = self._rate(lambda seen: seen.planned), self._rate(lambda seen: seen.dispatched)
        text = Text(f"     load offered {offered}, achieved {achieved}   errors ")
        text.append(errors, style="red" if bad else "")
        text.append(f"   p95 {p95}")
        if progress.queued:
            text.append(f"   waiting {progress.queued}", style="yellow")
        return text

    def _resilience(self, tick: Tick) -> Text:
        on = ", ".join(tick.faults_on)
        text = Text("     fault ")
        text.append(f"{on} ON" if on else "off", style="bold magenta" if on else "dim")
        text.append("   breakers ")
        odd = {edge: state for edge, state in tick.breakers.items() if state != "closed"}
        if not odd:
            text.append("all closed" if tick.breakers else "–", style="dim")
        for edge, state in odd.items():
            text.append(f"{edge} {state}  ", style=_BREAKER_STYLES.get(state, ""))
        return text
