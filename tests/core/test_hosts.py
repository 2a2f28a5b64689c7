"""Which hosts may be called: the SSRF guard."""

from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from ml_connector.core.errors import Misconfigured
from ml_connector.core.hosts import GuardedResolver, HostPolicy, is_public

VENDOR = HostPolicy(["*.zendesk.com", "*.fa.*.oraclecloud.com", "gateway.acme.example"])
ANY = HostPolicy(["*", "*.*", "*.*.*", "*.*.*.*"])


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.zendesk.com",
        "https://ACME.Zendesk.com:443/api/v2",
        "https://efgh-test.fa.us2.oraclecloud.com/fscmRestApi",
        "https://gateway.acme.example:8443?x=1",
    ],
)
def test_hosts_of_the_vendor_and_of_the_allow_list(url: str) -> None:
    VENDOR.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.zendesk.com",
        "ftp://acme.zendesk.com",
        "//acme.zendesk.com",
        "acme.zendesk.com",
        "https://zendesk.com",
        "https://.zendesk.com",
        "https://a.b.zendesk.com",
        "https://acme.zendesk.com.evil.example",
        "https://acme.zendesk.com.",
        "https://evilzendesk.com",
        "https://acme.zendeskXcom",
        "https://acme.zendesk.com@evil.example",
        "https://user:pass@acme.zendesk.com",
        "https://evil.example/.zendesk.com",
        "https://evil.example#.zendesk.com",
        "https://evil.example\\.zendesk.com",
        "https://acme.zendesk.com\\@evil.example",
        "https://acme.zendesk.com%2eevil.example",
        "https://acme.zendesk.com:443:80",
        "https://acme.zendesk.com:65536",
        "https://acme.zendesk.com\n.evil.example",
        "https://acme.zendesk.com/\nHost: evil.example",
        "https://аcme.zendesk.com",  # noqa: RUF001 - a Cyrillic a
        "https://acme.zendes\N{KELVIN SIGN}.com",
        "https://[::1]",
        "",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        VENDOR.check(url)


METADATA_AND_LOOPBACK = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "169.254.169.254.",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fe80::a9fe:a9fe]",
    "[fd00:ec2::254]",
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0",
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "2130706433",
    "017700000001",
    "0x7f.1",
    "127.255.255.254",
    "[::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
]


@pytest.mark.parametrize("host", METADATA_AND_LOOPBACK)
def test_no_spelling_of_the_metadata_service_or_of_loopback_is_called(host: str) -> None:
    with pytest.raises(Misconfigured):
        ANY.check(f"https://{host}/latest/meta-data")


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "ff02::1",
        "100::1",
        "2001:db8::1",
        "2001:0:7f00:1::",
        "2002:a00:1::1",
        "64:ff9b::10.0.0.1",
        "::ffff:10.0.0.1",
        "not an address",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["104.16.51.111", "2606:4700::6810:336f", "64:ff9b::6810:336f", "::ffff:104.16.51.111"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


class Rebinding(AbstractResolver):
    """Public when it is looked at, private when it is called."""

    def __init__(self) -> None:
        self.answers = [["104.16.51.111"], ["104.16.51.111", "169.254.169.254"]]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.answers.pop(0)
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_changes_its_address_is_refused_when_it_is_called() -> None:
    resolver = GuardedResolver(VENDOR, Rebinding())

    assert [found["host"] for found in await resolver.resolve("acme.zendesk.com")] == ["104.16.51.111"]
    with pytest.raises(Misconfigured, match="private or reserved"):
        await resolver.resolve("acme.zendesk.com")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8600/zendesk", "http://localhost:8600", "http://[::1]:8600"])
def test_the_sandbox_is_called_only_where_that_is_allowed(url: str) -> None:
    HostPolicy(["*.zendesk.com"], allow_private=True).check(url)
    with pytest.raises(Misconfigured):
        VENDOR.check(url)


def test_the_sandbox_setting_opens_no_other_name() -> None:
    with pytest.raises(Misconfigured, match="allowed are"):
        HostPolicy(["*.zendesk.com"], allow_private=True).check("https://evil.example")
