"""What must not be kept is masked before it is written."""

from __future__ import annotations

import pytest

from workbench.masking import Masks


@pytest.mark.parametrize(
    "key",
    [
        "http.request.header.authorization",
        "Proxy-Authorization",
        "http.request.header.cookie",
        "set-cookie",
        "db.password",
        "client_secret",
        "access_token",
        "x-api-key",
        "token",
    ],
)
def test_names_of_secrets(key: str) -> None:
    """Their values are not kept, whatever they look like."""
    assert Masks().is_secret(key)


@pytest.mark.parametrize("key", ["http.route", "workbench.call_id", "gen_ai.usage.total_tokens", "tokenizer", "author"])
def test_names_that_only_look_like_secrets(key: str) -> None:
    """Telemetry stays readable."""
    assert not Masks().is_secret(key)


def test_credentials_are_masked_wherever_they_stand() -> None:
    """An error message may quote a header."""
    said = Masks().text("refused: Authorization: Bearer abc.DEF-123== by gateway")
    assert "refused: Authorization: Bearer [masked] by gateway" == said


def test_declared_patterns_are_masked_in_text_and_labels() -> None:
    """Patterns of the system's file count for everything kept."""
    masks = Masks([r"\d{16}", "card-[a-z]+"])
    assert "paid with [masked] and [masked]" == masks.text("paid with 4111111111111111 and card-visa")
    assert {"card": "[masked]", "token": "[masked]"} == masks.labels({"card": "card-visa", "token": "x"})
