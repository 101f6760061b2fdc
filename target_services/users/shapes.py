"""What users is asked and what it shows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header
from pydantic import Field, SecretStr

from target_services.chassis.cursors import NextCursor
from target_services.chassis.openapi import Shape

Customer = Annotated[
    str, Header(alias="x-customer-id", pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["acc_5b0d9e7c11f24a38"])
]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@+-]{2,63}$", examples=["customer-1"])]
DisplayName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,80}$", examples=["Ann"])]


class SignUp(Shape):
    """Who wants an account."""

    name: Name
    password: SecretStr = Field(min_length=8, max_length=128, examples=["correct horse battery staple"])
    display_name: DisplayName


class Accepted(Shape):
    """The wish was taken note of. Whether the name was free is nobody's business."""

    name: Name
    state: Literal["accepted"]


class Login(Shape):
    """Who says to be whom."""

    name: Name
    password: SecretStr = Field(min_length=1, max_length=128, examples=["correct horse battery staple"])


class Refresh(Shape):
    """What was given out with the last access token."""

    refresh_token: SecretStr = Field(min_length=1, max_length=200, examples=["rt_" + "x" * 43])


class Tokens(Shape):
    """An access token for now, and a refresh token, which is good once, for the next one."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(gt=0, description="seconds")
    refresh_token: str


class AccountChange(Shape):
    """What to change."""

    display_name: DisplayName


class AccountShown(Shape):
    """An account, without anything that would let somebody in."""

    id: str = Field(pattern=r"^acc_[0-9a-f]{16}$")
    name: Name
    display_name: DisplayName
    roles: list[Literal["customer", "admin"]]


class AccountPage(Shape):
    """Some accounts, the oldest first."""

    items: list[AccountShown]
    next_cursor: NextCursor


class PublicKey(Shape):
    """A key that tokens are checked with, as RFC 8037 has it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: Literal["EdDSA"]
    kid: str
    x: str


class KeySet(Shape):
    """All keys that good tokens may be signed with now, and the next one."""

    keys: list[PublicKey]
