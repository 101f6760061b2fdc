"""Holds a provider to a pact."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pact import Verifier

from tests.contract.providers.answering import setting_states
from tests.contract.providers.states import set_state
from tests.integration.shop.stack import Shop

os.environ["PACT_DO_NOT_TRACK"] = "true"  # the verifier would tell its makers that it ran


def verify(pact: Path, provider: str, url: str, shop: Shop, *, only: str | None = None) -> None:
    """Replay a pact's interactions, or only one of them. Raises RuntimeError with the differences."""
    verifier = Verifier(provider, host="127.0.0.1").add_transport(url=url).add_source(pact)
    verifier.set_request_timeout(60_000).set_coloured_output(enabled=False)
    if only is not None:
        verifier.filter(description=f"^{re.escape(only)}$")
    with setting_states(lambda state, parameters: set_state(shop, state, parameters)) as states:
        verifier.state_handler(states, body=True)
        try:
            verifier.verify()
        except RuntimeError as error:
            raise RuntimeError(verifier.output(strip_ansi=True)) from error
