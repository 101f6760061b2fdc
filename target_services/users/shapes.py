"""What users is asked and what it shows."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header
from pydantic import AfterValidator, Field, SecretStr

from target_services.chassis.cursors import NextCursor
from target_services.chassis.openapi import Shape


def _encodable(secret: SecretStr) -> SecretStr:
    """Refuse what cannot be hashed: JSON can name halves of characters, which UTF-8 has no bytes for."""
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("this is no text that UTF-8 can encode") from None  # and no word of what it is
    return secret


Secret = Annotated[SecretStr, AfterValidator(_encodable)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@+-]{2,63}$", examples=["customer-1"])]
DisplayName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,80}$", examples=["Customer 1"])]
Password = Annotated[Secret, Field(examples=["correct horse battery staple"])]
Customer = Annotated[
    str, Header(alias="x-customer-id", pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["acc_5b0d9e7c11f24a38"])
]


class SignUp(Shape):
    """Who wants an account."""

    name: Name
    password: Password = Field(min_length=8, max_length=128)
    display_name: DisplayName


class Accepted(Shape):
    """The account is there now; or it was before, which nobody is told."""

    name: Name
    state: Literal["accepted"]


class Login(Shape):
    """Who says to be whom."""

    name: Name
    password: Password = Field(min_length=1, max_length=128)


class Refresh(Shape):
    """What was given out with the last access token."""

    refresh_token: Secret = Field(min_length=1, max_length=200, examples=["Wb1m0nQz3Qm1c2d4"])


class Tokens(Shape):
    """What shows who somebody is, and for how many seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(gt=0)
    refresh_token: str


class AccountChange(Shape):
    """What to change."""

    display_name: DisplayName


class AccountShown(Shape):
    """An account as its owner, and admins, see it."""

    id: str = Field(pattern="^acc_[0-9a-f]{16}$")
    name: Name
    display_name: str
    roles: list[Literal["customer", "admin"]]


class AccountPage(Shape):
    """Some of all accounts, the oldest first."""

    items: list[AccountShown]
    next_cursor: NextCursor


class PublicKey(Shape):
    """A key that tokens are signed with, as RFC 8037 has it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: Literal["EdDSA"]
    kid: str
    x: str


class PublicKeys(Shape):
    """The keys that are in use, were lately, or will be soon."""

    keys: list[PublicKey]
