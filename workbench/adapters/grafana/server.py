"""What is told and asked a Grafana that runs, by grafana-client: annotations, and whether our dashboards work there.

Rules of its API: https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/. No Grafana could
be run where this was written; tests/integration/tools/grafana_stub.py holds the calls to what these pages say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from workbench.adapters.grafana import starting
from workbench.adapters.grafana.provisioning import TAG
from workbench.calls import NoAnswer, call_json
from workbench.errors import EnvironmentFailure, HarnessError
from workbench.model.stack import RunningStack
from workbench.model.tools import Tool

DEADLINE_S = 5.0
_FOREIGN = re.compile(r"[^A-Za-z0-9_.:-]")

T = TypeVar("T")


class GrafanaServer:
    """One Grafana. Every call raises HarnessError where it fails. Times are wall times in milliseconds."""

    def __init__(self, url: str, password: str) -> None:
        """Make the client; nothing is asked yet. Raises EnvironmentFailure where its package is not installed."""
        try:
            # imported only here: it replaces urllib3 for the whole process (docs/adr/0016-grafana-client.md)
            from grafana_client.api import GrafanaApi  # noqa: PLC0415
        except ImportError as error:
            raise EnvironmentFailure(
                f"Grafana at {url} can be looked at, but told nothing: grafana-client is not installed",
                hint="pip install 'resilience-workbench[grafana]'",
            ) from error
        self._url = url
        self._api = GrafanaApi.from_url(url, credential=(starting.USER, password), timeout=DEADLINE_S)

    def version(self) -> str:
        """Return its version, once its database is ready. Needs no password."""
        try:
            health = call_json("GET", f"{self._url}/api/health", deadline_s=DEADLINE_S)
        except NoAnswer as error:
            raise HarnessError(f"Grafana is not ready: {error}", hint="its log is logs/grafana.log") from error
        if health["database"] != "ok":
            raise HarnessError(f"Grafana's database is {health['database']!r}", hint="its log is logs/grafana.log")
        return str(health["version"])

    def note(self, start_ms: int, tags: Sequence[str], text: str) -> int:
        """Write an annotation that has no end yet; return its id."""
        made = self._ask(
            lambda: self._api.annotations.add_annotation(time_from=start_ms, tags=_all_tags(tags), text=text)
        )
        return int(made["id"])

    def end_note(self, note: int, start_ms: int, end_ms: int, tags: Sequence[str], text: str) -> None:
        """Give an annotation its end. Everything else is told again: what is left out would be removed."""
        self._ask(
            lambda: self._api.annotations.partial_update_annotation(
                note, time_from=start_ms, time_to=end_ms, tags=_all_tags(tags), text=text
            )
        )

    def notes(self, tags: Sequence[str], start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        """Return our annotations that have all of these tags."""
        found: list[dict[str, Any]] = self._ask(
            lambda: self._api.annotations.find_annotations(
                time_from=start_ms, time_to=end_ms, ann_type="annotation", tags=_all_tags(tags), limit=1000
            )
        )
        return found

    def dashboards(self) -> list[str]:
        """Return the uids of our dashboards that it has."""
        found = self._ask(lambda: self._api.search.search_dashboards(tag=TAG, type_="dash-db"))
        return sorted(str(dashboard["uid"]) for dashboard in found)

    def source_trouble(self, uid: str) -> str | None:
        """Have it ask a data source; return what is wrong, None if nothing is."""
        try:
            told = self._ask(lambda: self._api.datasource.health(uid))
        except HarnessError as error:
            return error.message
        return None if told["status"] == "OK" else str(told["message"])

    def _ask(self, question: Callable[[], T]) -> T:
        import niquests.exceptions  # noqa: PLC0415 - of grafana-client, which does not translate all of them
        from grafana_client.client import GrafanaException, GrafanaUnauthorizedError  # noqa: PLC0415

        try:
            return question()
        except GrafanaUnauthorizedError as error:
            raise HarnessError(
                f"Grafana at {self._url} has another password for {starting.USER!r} than .workbench/grafana/password",
                hint="it keeps the one that it was first started with: workbench down, delete its data"
                " (.workbench/data/grafana, or the volume), and start it again",
            ) from error
        except (GrafanaException, niquests.exceptions.RequestException) as error:
            raise HarnessError(f"Grafana at {self._url}: {error}", hint="its log is logs/grafana.log") from error


def grafana_server(stack: RunningStack, state: Path) -> GrafanaServer | None:
    """Return the Grafana of a stack. Raises EnvironmentFailure where its client is not installed."""
    if Tool.GRAFANA not in stack.tools:
        return None
    return GrafanaServer(stack.tools[Tool.GRAFANA], starting.password(state / starting.FOLDER))


def tag(name: str, value: str) -> str:
    """Return a tag. The client does not encode tags in addresses, so only what needs no encoding is left in it."""
    return f"{name}:{_FOREIGN.sub('_', value)}"


def _all_tags(tags: Sequence[str]) -> list[str]:
    wrong = [tag for tag in tags if _FOREIGN.search(tag)]
    assert not wrong, f"tags that would have to be encoded: {wrong}"
    return [TAG, *tags]
