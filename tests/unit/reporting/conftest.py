"""Property tests here have no time limit of their own: a busy machine is no reason to fail."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None, max_examples=60)
settings.load_profile("unhurried")
