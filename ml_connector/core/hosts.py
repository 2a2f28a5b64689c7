"""Which hosts a connection may talk to.

A tenant chooses the host of its connection, and the answers of that host steer us further (next links, token
addresses). Without a guard, ``https://169.254.169.254`` in a tenant file would send credentials into the cloud's
metadata service. The name is checked before a client is built, the address when a connection is opened: a name that
is public at first and private a second later (DNS rebinding) is refused too.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from ml_connector.core.errors import Misconfigured

# Nothing but plain ASCII hosts: what no parser can read in two ways needs no second opinion.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?([/?].*)?",
    re.IGNORECASE | re.ASCII,
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
# 192.88.99.0/24 relayed 6to4, and counts as global although nobody answers there any more (RFC 7526).
_RELAY_6TO4 = ipaddress.IPv4Network("192.88.99.0/24")


class HostPolicy:
    """The hosts of one vendor.

    ``patterns`` are host names, the vendor's and those that an operator allows by name; ``*`` stands for one label or
    a part of one (``*.zendesk.com`` matches ``acme.zendesk.com``, not ``a.b.zendesk.com``). Only https is accepted.

    ``allow_private`` is for the sandbox: it accepts http, loopback and private addresses, and skips the patterns for
    hosts that are written as an address or as ``localhost``.
    """

    def __init__(self, patterns: Sequence[str], allow_private: bool = False) -> None:
        self.allow_private = allow_private
        self._patterns = [_compiled(pattern) for pattern in patterns]
        self._described = ", ".join(patterns) or "none"

    def check(self, url: str) -> None:
        """Raise `Misconfigured` unless ``url`` may be called. Looks at the URL only, asks no name server."""
        parts = _URL.fullmatch(url)
        if parts is None or int(parts["port"] or 0) > 65535:
            raise Misconfigured("this is not an https address with a plain host name: correct it in the tenant file")
        host = parts["host"].strip("[]").lower()
        if parts["scheme"].lower() != "https" and not self.allow_private:
            raise Misconfigured(f"{host} must be called by https")
        literal = _is_numeric(host)
        if literal:
            self.check_address(host, host)
        if self.allow_private and (literal or host == "localhost"):
            return
        if not any(pattern.fullmatch(host) for pattern in self._patterns):
            raise Misconfigured(f"{host} is not an allowed host; allowed are: {self._described}")

    def check_address(self, host: str, address: str) -> None:
        """Raise `Misconfigured` if ``address``, to which ``host`` resolved, is not a public one."""
        if not self.allow_private and not is_public(address):
            raise Misconfigured(f"{host} resolves to a private or reserved address: it is not called")

    def resolver(self) -> AbstractResolver:
        """A name resolver for the HTTP client that gives no address which this policy refuses."""
        return GuardedResolver(self, ThreadedResolver())


class GuardedResolver(AbstractResolver):
    def __init__(self, hosts: HostPolicy, inner: AbstractResolver) -> None:
        self._hosts = hosts
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            self._hosts.check_address(host, result["host"])
        return found

    async def close(self) -> None:
        await self._inner.close()


def is_public(address: str) -> bool:
    """Whether ``address`` is a global unicast address, and so is any IPv4 address that is embedded in it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False  # 127.1, 0x7f000001, 2130706433: the C library would accept them, we do not
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and ip not in _RELAY_6TO4
    embedded = _embedded_ipv4(ip)
    if embedded is not None:
        return is_public(str(embedded))
    return ip in _GLOBAL_UNICAST and ip.is_global


def _embedded_ipv4(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def _is_numeric(host: str) -> bool:
    """Whether a C library may read ``host`` as an address: no top-level domain begins with a digit."""
    return ":" in host or host.rstrip(".").rsplit(".", 1)[-1][:1].isdigit()


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern.lower()).replace(r"\*", "[a-z0-9_-]+"))
