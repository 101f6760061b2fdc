from __future__ import annotations

from collections.abc import Iterator

import pytest

from target_services.chassis import bugs


@pytest.fixture
def planted() -> Iterator[None]:
    """For tests that plant bugs: none is left afterwards."""
    yield
    bugs.plant(())
