"""Say what is wrong with JSON in the words of Go's decoder. Asked only when Python's has refused it."""

from __future__ import annotations

import re
from collections.abc import Callable

_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*')
_LITERALS = {b"t": b"true", b"f": b"false", b"n": b"null"}
_DIGITS = re.compile(rb"[0-9]*")
_SHOWN = {b"'": r"\'", b'"': '"', b"\\": r"\\"}
_ESCAPES = {7: r"\a", 8: r"\b", 9: r"\t", 10: r"\n", 11: r"\v", 12: r"\f", 13: r"\r"}
_DEPTH = 10_000


class _WrongError(Exception):
    """Carries the message."""


def describe_syntax(body: bytes) -> str:
    """Return what Go's decoder says of a body whose first value is no JSON; "" if it finds nothing wrong."""
    try:
        _Scan(body).run()
    except _WrongError as wrong:
        return str(wrong)
    return ""


class _Scan:
    """Goes through one value. `_inside` are the arrays and objects that are open."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0
        self._inside: list[bytes] = []

    def run(self) -> None:
        self._skip_space()
        if self._at == len(self._body):
            raise _WrongError("EOF")
        step: Callable[[], bool] = self._value
        while True:
            self._skip_space()
            if step():
                if not self._inside:
                    return
                step = self._behind_value
            else:
                step = self._key if self._inside[-1] == b"{" else self._value

    def _value(self) -> bool:
        """Take a value, or the beginning of one that holds others; return whether it is whole."""
        first = self._peek()
        if first in (b"{", b"["):
            self._at += 1
            self._inside.append(first)
            if len(self._inside) > _DEPTH:
                raise _WrongError("exceeded max depth")
            self._skip_space()
            if self._peek() == {b"{": b"}", b"[": b"]"}[first]:
                self._close()
                return True
            return False
        if first == b'"':
            self._string()
        elif first in _LITERALS:
            self._literal(_LITERALS[first])
        elif first == b"-" or first.isdigit():
            self._number()
        else:
            raise self._unexpected("looking for beginning of value")
        return True

    def _key(self) -> bool:
        if self._peek() != b'"':
            raise self._unexpected("looking for beginning of object key string")
        self._string()
        self._skip_space()
        if self._peek() != b":":
            raise self._unexpected("after object key")
        self._at += 1
        self._skip_space()
        return self._value()

    def _behind_value(self) -> bool:
        is_object = self._inside[-1] == b"{"
        follows = self._peek()
        if follows == b",":
            self._at += 1
            return False
        if follows == (b"}" if is_object else b"]"):
            self._close()
            return True
        raise self._unexpected("after object key:value pair" if is_object else "after array element")

    def _close(self) -> None:
        self._at += 1
        self._inside.pop()

    def _string(self) -> None:
        match = _STRING.match(self._body, self._at + 1)
        assert match is not None
        self._at = match.end()
        stopped = self._peek()
        if stopped == b'"':
            self._at += 1
            return
        if stopped != b"\\":
            raise self._unexpected("in string literal")
        self._at += 1
        if self._peek() != b"u":
            raise self._unexpected("in string escape code")
        self._at += 1
        while self._peek() in b"0123456789abcdefABCDEF":
            self._at += 1
        raise self._unexpected(r"in \u hexadecimal character escape")

    def _literal(self, word: bytes) -> None:
        for wanted in word.decode():
            if self._peek() != wanted.encode():
                raise self._unexpected(f"in literal {word.decode()} (expecting '{wanted}')")
            self._at += 1

    def _number(self) -> None:
        if self._peek() == b"-":
            self._at += 1
            self._need_digit("in numeric literal")
        if self._peek_or_end() == b"0":
            self._at += 1
        else:
            self._digits()
        if self._peek_or_end() == b".":
            self._at += 1
            self._need_digit("after decimal point in numeric literal")
            self._digits()
        if self._peek_or_end() in (b"e", b"E"):
            self._at += 1
            if self._peek() in (b"+", b"-"):
                self._at += 1
            self._need_digit("in exponent of numeric literal")
            self._digits()

    def _digits(self) -> None:
        match = _DIGITS.match(self._body, self._at)
        assert match is not None
        self._at = match.end()

    def _need_digit(self, where: str) -> None:
        if not self._peek().isdigit():
            raise self._unexpected(where)

    def _skip_space(self) -> None:
        match = _SPACE.match(self._body, self._at)
        assert match is not None
        self._at = match.end()

    def _peek(self) -> bytes:
        if self._at >= len(self._body):
            raise _WrongError("unexpected EOF")
        return self._body[self._at : self._at + 1]

    def _peek_or_end(self) -> bytes:
        return self._body[self._at : self._at + 1]

    def _unexpected(self, where: str) -> _WrongError:
        return _WrongError(f"invalid character '{_shown(self._peek())}' {where}")


def _shown(character: bytes) -> str:
    """Return a byte as Go quotes it."""
    code = character[0]
    if character in _SHOWN:
        return _SHOWN[character]
    if code in _ESCAPES:
        return _ESCAPES[code]
    text = chr(code)
    if text.isprintable():
        return text
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
