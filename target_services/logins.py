"""Logins of simulated users: one for each account, however many users of it there are.

A machine without room makes more users, as those that it has are not free in time. If each of them cost a login, and a
password hash is slow on purpose, it would have less room still, and the load would be part of the fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from gevent.event import AsyncResult

_RENEW_BEFORE_S = 60.0
"""An access token that is good for less than this is renewed before it is used."""

Obtain = Callable[[str | None], tuple[str, str, float]]
"""Gets an access token, the refresh token for the next one, and for how long the first is good (s).

It is given the last refresh token, which is good once; None: by name and password."""


class Login:
    """Tokens of one account. Whoever needs some while they are being got waits for the same, or the same failure."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._access: str | None = None
        self._refresh: str | None = None
        self._renew_at_s = 0.0
        self._under_way: AsyncResult | None = None

    def token(self, obtain: Obtain) -> str:
        """Return an access token. Raises what `obtain` does."""
        if self._access is not None and time.monotonic() < self._renew_at_s:
            return self._access
        return self.renewed(obtain)

    def renewed(self, obtain: Obtain) -> str:
        """Return a new access token. Raises what `obtain` does."""
        if self._under_way is not None:
            return str(self._under_way.get())
        self._under_way = under_way = AsyncResult()
        refresh, self._refresh = self._refresh, None  # good for one refresh, whatever becomes of it
        try:
            self._access, self._refresh, good_for_s = obtain(refresh)
        except BaseException as error:  # also the end of this user: nobody may wait for it
            under_way.set_exception(error)
            raise
        else:
            self._renew_at_s = time.monotonic() + good_for_s - _RENEW_BEFORE_S
            under_way.set(self._access)
            return self._access
        finally:
            self._under_way = None

    def refused(self, token: str) -> None:
        """Forget a token that was refused; the next one is got by name and password."""
        if token == self._access:
            self._access = self._refresh = None


_shared: dict[str, Login] = {}


def shared(name: str) -> Login:
    """Return the login of all users of an account."""
    return _shared.setdefault(name, Login(name))
