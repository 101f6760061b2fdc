"""Which access tokens the gateway takes: only good ones, whatever they say of themselves."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from target_services.gateway.tokens import Principal, Refusal, TokenRefused
from tests.unit.shop.people import KEY, OTHER_KEY, base64url, claims, signed, token, tokens, unsigned

NOW_S = int(time.time())


def _refused(authorization: str | None) -> Refusal:
    with pytest.raises(TokenRefused) as caught:
        asyncio.run(tokens().principal(authorization))
    assert caught.value.status == 401
    assert caught.value.headers["www-authenticate"].startswith('Bearer realm="shop"')
    return caught.value.refusal


def test_a_good_token_says_who_asks() -> None:
    """Subject and roles are those that users signed."""
    principal = asyncio.run(tokens().principal(f"Bearer {token(roles=['customer', 'admin'])}"))
    assert principal == Principal("acc_1", frozenset({"customer", "admin"}))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"exp": NOW_S - 60}, Refusal.EXPIRED),
        ({"nbf": NOW_S + 6000}, Refusal.NOT_YET_VALID),
        ({"iat": NOW_S + 6000}, Refusal.NOT_YET_VALID),
        ({"aud": "urn:shop:other"}, Refusal.AUDIENCE),
        ({"iss": "urn:shop:other"}, Refusal.ISSUER),
        *[({name: None}, Refusal.CLAIMS) for name in ("iss", "aud", "sub", "iat", "nbf", "exp", "roles")],
        ({"sub": "../admin"}, Refusal.CLAIMS),
        ({"sub": "a\r\nx-customer-id: b"}, Refusal.CLAIMS),
        ({"roles": "admin"}, Refusal.CLAIMS),
        ({"roles": [1]}, Refusal.CLAIMS),
    ],
)
def test_signed_but_not_good(changes: dict[str, Any], refusal: Refusal) -> None:
    """A signature alone does not help: time, audience, issuer and every claim have to be right."""
    assert _refused(f"Bearer {token(**changes)}") is refusal


def test_times_are_taken_with_some_leeway() -> None:
    """Clocks that are a few seconds apart log nobody out."""
    now_s = int(time.time())
    asyncio.run(tokens(leeway_s=600).principal(f"Bearer {token(exp=now_s - 60)}"))
    asyncio.run(tokens(leeway_s=600).principal(f"Bearer {token(nbf=now_s + 60, iat=now_s + 60)}"))


@pytest.mark.parametrize(
    ("authorization", "refusal"),
    [
        (None, Refusal.MISSING),
        ("", Refusal.MALFORMED),
        ("Bearer", Refusal.MALFORMED),
        ("Bearer ", Refusal.MALFORMED),
        ("Basic YTpi", Refusal.MALFORMED),
        ("Bearer nonsense", Refusal.MALFORMED),
        ("Bearer a.b.c", Refusal.MALFORMED),
        ("Bearer " + "a" * 5000, Refusal.MALFORMED),
        (f"Bearer {token()} {token()}", Refusal.SIGNATURE),
        (f"Bearer {token(kid=None)}", Refusal.MALFORMED),
        (f"Bearer {token(typ='JWT')}", Refusal.MALFORMED),
        (f"Bearer {token(kid='k9')}", Refusal.UNKNOWN_KEY),
    ],
)
def test_no_token_at_all(authorization: str | None, refusal: Refusal) -> None:
    """What is missing, or cannot be read, is not asked about any further."""
    assert _refused(authorization) in {refusal, Refusal.MALFORMED}


def test_another_key_under_a_known_id() -> None:
    """The id of a key is only a name: it is the signature that counts."""
    assert _refused(f"Bearer {token(OTHER_KEY)}") is Refusal.SIGNATURE


def test_a_forged_payload() -> None:
    """Claims that were changed after they were signed."""
    header, _, signature = token().split(".")
    payload = base64url(json.dumps(claims(roles=["admin"])).encode())
    assert _refused(f"Bearer {header}.{payload}.{signature}") is Refusal.SIGNATURE


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_the_algorithm_none(alg: str) -> None:
    """An unsigned token is not a token."""
    header = {"alg": alg, "typ": "at+jwt", "kid": "k1"}
    assert _refused(f"Bearer {unsigned(header, claims())}") in {Refusal.ALGORITHM, Refusal.MALFORMED}


@pytest.mark.parametrize(
    "secret",
    [
        KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        base64url(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).encode(),
    ],
    ids=["raw", "pem", "base64url"],  # the key is another one in each process
)
def test_the_public_key_as_a_shared_secret(secret: bytes) -> None:
    """HS256 with what everybody can download is not a signature of users."""
    signed = ".".join(
        base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "at+jwt", "kid": "k1"}, claims())
    )
    signature = base64url(hmac.new(secret, signed.encode(), hashlib.sha256).digest())
    assert _refused(f"Bearer {signed}.{signature}") is Refusal.ALGORITHM


def test_other_algorithms_with_keys_of_their_own() -> None:
    """Also a sound signature of another kind is refused, and a key that a token brings along is not looked at."""
    elliptic = ec.generate_private_key(ec.SECP256R1())
    assert _refused(f"Bearer {token(elliptic, alg='ES256')}") is Refusal.ALGORITHM
    assert _refused(f"Bearer {token(rsa.generate_private_key(65537, 2048), alg='RS256')}") is Refusal.ALGORITHM
    own = {"kty": "OKP", "crv": "Ed25519", "x": base64url(OTHER_KEY.public_key().public_bytes_raw())}
    brought = jwt.encode(claims(), OTHER_KEY, "EdDSA", {"kid": "k1", "typ": "at+jwt", "jwk": own})
    assert _refused(f"Bearer {brought}") is Refusal.SIGNATURE


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_whatever_a_client_sends_is_refused_in_words(text: str) -> None:
    """No header makes anything else happen than a refusal."""
    _refused(text)
    _refused(f"Bearer {text}")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    header=st.fixed_dictionaries({}, optional=dict.fromkeys(("alg", "kid", "typ", "crit", "b64", "jku"), _JSON)),
    payload=_JSON,
    signature=st.binary(max_size=70),
)
def test_nothing_that_is_not_signed_is_taken(header: dict[str, Any], payload: Any, signature: bytes) -> None:
    """Whatever header, claims and signature somebody puts together."""
    _refused("Bearer " + unsigned(header, payload, signature))
    _refused("Bearer " + unsigned({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"} | header, payload, signature))


@settings(max_examples=200, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(["exp", "nbf", "iat", "aud", "iss", "sub", "roles"]), _JSON, min_size=1))
def test_a_signed_token_with_claims_of_any_kind(changes: dict[str, Any]) -> None:
    """Users would not sign such a thing; if it did, the gateway says no, or knows somebody, but does not break."""
    try:
        principal = asyncio.run(tokens().principal(f"Bearer {signed(claims() | changes)}"))
    except TokenRefused:
        return
    assert principal.subject


@settings(max_examples=200, deadline=None)
@given(
    position=st.integers(min_value=0, max_value=10_000), replacement=st.characters(codec="ascii", categories=["L", "N"])
)
def test_one_changed_character_spoils_a_token(position: int, replacement: str) -> None:
    """Except in the unused bits at the very end, where base64 has two ways to say the same."""
    good = token()
    position %= len(good) - 1
    changed = good[:position] + replacement + good[position + 1 :]
    if changed != good:
        _refused(f"Bearer {changed}")
