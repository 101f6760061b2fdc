"""Tokens as users would make them, and as nobody should."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from target_services.chassis.resilience.wire import Answer
from target_services.gateway.keys import KeySet
from target_services.gateway.tokens import Tokens
from tests.unit.shop.edges import Bench, Step, answer

KEY = Ed25519PrivateKey.generate()
OTHER_KEY = Ed25519PrivateKey.generate()


def entry(kid: str = "k1", key: Ed25519PrivateKey = KEY) -> dict[str, str]:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": base64url(raw)}


def jwks(*kids: str) -> Answer:
    return answer(body={"keys": [entry(kid) for kid in kids or ("k1",)]})


def claims(**changes: Any) -> dict[str, Any]:
    """Return good claims with these changes; a claim that is changed to None is left out."""
    now_s = int(time.time())
    good = {
        "iss": "urn:shop:users",
        "aud": "urn:shop:api",
        "sub": "acc_1",
        "roles": ["customer"],
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + 600,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(key: Any = KEY, *, kid: str | None = "k1", alg: str = "EdDSA", typ: str = "at+jwt", **changes: Any) -> str:
    headers: dict[str, Any] = {"typ": typ} | ({"kid": kid} if kid is not None else {})
    return jwt.encode(claims(**changes), key, algorithm=alg, headers=headers)


def unsigned(header: dict[str, Any], payload: Any, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64url(part) for part in parts)


def signed(payload: Any) -> str:
    """Return a token with a sound signature, whatever it says."""
    text = unsigned({"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}, payload).removesuffix(".")
    return f"{text}.{base64url(KEY.sign(text.encode()))}"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def users(*script: Step) -> Bench:
    """Return an edge to users that gives these answers."""
    return Bench(*script, name="gateway:users", attempts=1)


def tokens(*script: Step, leeway_s: float = 5) -> Tokens:
    return Tokens(KeySet(users(*script or (jwks(),)).edge, fresh_s=300, at_most_every_s=0), leeway_s=leeway_s)
