"""Whether a process is ready: its address answers, and where it is Prometheus, every target was scraped."""

from __future__ import annotations

from urllib.parse import urlsplit

from workbench.calls import NoAnswer, call, call_json
from workbench.supervisor.log_files import indented_tail
from workbench.supervisor.spec import ProcessSpec

_ASK_S = 1.0


def is_ready(process: ProcessSpec) -> bool:
    """Ask once. Raises NoAnswer where there is none."""
    if process.ready_series is None:
        call("GET", process.ready_url, deadline_s=_ASK_S)
        return True
    answer = call_json("GET", process.ready_url, deadline_s=_ASK_S)
    return len(answer["data"]["result"]) >= process.ready_series


def not_ready(waiting: list[ProcessSpec], within_s: float) -> str:
    """Return what keeps processes from being ready, each with its last log lines."""
    parts = [f"not ready after {within_s:g} s: {', '.join(process.name for process in waiting)}"]
    for process in waiting:
        if process.ready_url:
            try:
                is_ready(process)
            except NoAnswer as error:
                parts.append(f"  GET {process.ready_url}: {error}")
            parts += _unscraped(process)
        parts += [f"  last log lines of {process.name}:", indented_tail(process.log)]
    return "\n".join(parts)


def _unscraped(process: ProcessSpec) -> list[str]:
    """Return which targets a Prometheus could not scrape, and why."""
    if process.ready_series is None:
        return []
    base = urlsplit(process.ready_url)._replace(path="/api/v1/targets", query="state=active").geturl()
    try:
        targets = call_json("GET", base, deadline_s=_ASK_S)["data"]["activeTargets"]
    except NoAnswer as error:
        return [f"  {process.name} does not say what it scrapes: {error}"]
    if len(targets) < process.ready_series:
        return [f"  {process.name} has begun to scrape {len(targets)} of {process.ready_series} targets"]
    return [
        f"  {process.name} cannot scrape {target['scrapeUrl']}: {target['lastError'] or 'it has not tried yet'}"
        for target in targets
        if target["health"] != "up"
    ]
