"""What a plane is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.faultproxy.addresses import is_loopback
from workbench.faultproxy.toxiproxy.documents import ConfiguredProxy


@dataclass(frozen=True, slots=True)
class Options:
    """`host` is an IP address or a name; without a token the API is open to whoever reaches the port."""

    token: str | None = None
    host: str = "127.0.0.1"
    seed: int | None = None
    """Of the chance in toxics; None: another one each time. Faults have seeds of their own."""
    proxies: tuple[ConfiguredProxy, ...] = ()
    proxy_metrics: bool = False
    runtime_metrics: bool = False

    @property
    def anywhere(self) -> bool:
        """Other machines may come in, so edges may listen on other addresses than loopback, too."""
        return not is_loopback(self.host)

    @property
    def may_record(self) -> bool:
        """A recording writes files, which strangers may not order."""
        return self.token is not None or not self.anywhere
