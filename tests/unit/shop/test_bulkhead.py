from __future__ import annotations

import pytest

from target_services.chassis.resilience.bulkhead import Bulkhead, BulkheadFull


def test_refuses_what_is_beyond_its_limit_at_once() -> None:
    """Two of two slots in use: the third is refused; one given back: it is let in."""
    bulkhead = Bulkhead(2)
    with bulkhead.slot():
        with bulkhead.slot(), pytest.raises(BulkheadFull), bulkhead.slot():
            pass
        with bulkhead.slot():
            assert bulkhead.in_use == 2
    assert bulkhead.in_use == 0


def test_a_slot_is_given_back_whatever_happens_in_it() -> None:
    """An error inside does not leak the slot."""
    bulkhead = Bulkhead(1)
    with pytest.raises(RuntimeError), bulkhead.slot():
        raise RuntimeError
    assert bulkhead.in_use == 0
