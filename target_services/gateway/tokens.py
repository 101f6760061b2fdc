"""Access tokens: checked here, and nowhere behind the gateway.

One algorithm is taken, whatever a token says of itself: who could choose it, could choose `none`, or sign with the
public key as if it were a shared secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import jwt

from target_services.chassis.problems import Problem
from target_services.gateway.keys import ALGORITHM, KeySet

ISSUER = "urn:shop:users"
AUDIENCE = "urn:shop:api"

_LONGEST = 4096
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REQUIRED = ("iss", "aud", "sub", "iat", "nbf", "exp")


class Refusal(StrEnum):
    """Why a token is not taken."""

    MISSING = "missing"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    AUDIENCE = "audience"
    ISSUER = "issuer"
    CLAIMS = "claims"


class TokenRefused(Problem):
    """There is no token that could be taken."""

    def __init__(self, refusal: Refusal) -> None:
        words = "there is no access token" if refusal is Refusal.MISSING else "the access token is not good"
        challenge = 'Bearer realm="shop"'
        if refusal is not Refusal.MISSING:
            challenge += f', error="invalid_token", error_description="{refusal.value}"'
        super().__init__(
            401, f"{words}: {refusal.value}", slug="unauthenticated", headers={"www-authenticate": challenge}
        )
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as users said."""

    subject: str
    roles: frozenset[str]


class Tokens:
    """Checks access tokens."""

    def __init__(self, keys: KeySet, *, leeway_s: float) -> None:
        """`leeway_s`: by how much the clocks of users and gateway may differ."""
        self._keys = keys
        self._leeway_s = leeway_s

    async def principal(self, authorization: str | None) -> Principal:
        """Return who a request is from. Raises TokenRefused, or Problem 503 while no key is known at all."""
        token = _bearer(authorization)
        header = _header(token)
        kid = header.get("kid")
        if not isinstance(kid, str) or header.get("typ") != "at+jwt":
            raise TokenRefused(Refusal.MALFORMED)
        key = await self._keys.find(kid)
        if key is None:
            raise TokenRefused(Refusal.UNKNOWN_KEY)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],  # not what the header says
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=self._leeway_s,
                options={"require": list(_REQUIRED)},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise TokenRefused(_refusal(error)) from None
        return _principal(claims)


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise TokenRefused(Refusal.MISSING)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST:
        raise TokenRefused(Refusal.MALFORMED)
    return token


def _header(token: str) -> dict[str, object]:
    try:
        header: dict[str, object] = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenRefused(Refusal.MALFORMED) from None
    return header


def _refusal(error: Exception) -> Refusal:
    for kind, refusal in _REFUSALS.items():
        if isinstance(error, kind):
            return refusal
    return Refusal.CLAIMS


_REFUSALS: dict[type[Exception], Refusal] = {
    jwt.ExpiredSignatureError: Refusal.EXPIRED,
    jwt.ImmatureSignatureError: Refusal.NOT_YET_VALID,
    jwt.InvalidAudienceError: Refusal.AUDIENCE,
    jwt.InvalidIssuerError: Refusal.ISSUER,
    jwt.InvalidSignatureError: Refusal.SIGNATURE,
    jwt.InvalidAlgorithmError: Refusal.ALGORITHM,
    jwt.DecodeError: Refusal.MALFORMED,
}


def _principal(claims: dict[str, object]) -> Principal:
    subject, roles = claims.get("sub"), claims.get("roles")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise TokenRefused(Refusal.CLAIMS)
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise TokenRefused(Refusal.CLAIMS)
    return Principal(subject, frozenset(roles))
