"""Addresses to listen on, as Toxiproxy writes them: "host:port". Loopback only, unless somebody said otherwise."""

from __future__ import annotations

import ipaddress
import socket

ANY_HOST = "0.0.0.0"


def parse_address(address: str, *, anywhere: bool = False) -> tuple[str, int]:
    """Read "host:port". No port means a free one; no host means 127.0.0.1, with `anywhere` every address.

    Raises ValueError for what is no address and, without `anywhere`, for what is not loopback.
    """
    nobody = ANY_HOST if anywhere else "127.0.0.1"
    if not address:
        return nobody, 0
    host, colon, port = address.rpartition(":")
    if not colon:
        raise ValueError(f"address {address}: missing port in address")
    digits = port.lstrip("0")
    if port and (not (port.isascii() and port.isdigit()) or len(digits) > 5 or int(digits or "0") > 65535):
        raise ValueError(f"address {port}: invalid port")
    host, number = host.strip("[]"), int(digits or "0")  # no port is any port, as in Go
    if host == "localhost":
        return "127.0.0.1", number
    if not host:
        return nobody, number
    if is_loopback(host):
        return host, number
    if not anywhere:
        raise ValueError(f"address {address}: not a loopback address")
    return _resolved(host, address), number


def is_loopback(host: str) -> bool:
    """Tell whether a host, an IP address or localhost, is this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_ip_address(host: str) -> bool:
    """Tell whether a host is an address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def format_address(host: str, port: int) -> str:
    """Return an address as "host:port"."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolved(host: str, address: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise ValueError(f"address {address}: no such host") from error
