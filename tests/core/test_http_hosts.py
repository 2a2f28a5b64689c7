"""Which hosts are called: the one of the connection, if its certificate and its address are good."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ml_connector.core.errors import AbortRun, Misconfigured, RetryLater
from ml_connector.core.hosts import HostPolicy
from tests.core.calling import client, connected, policy
from tests.core.wire import answer, wire


async def test_a_certificate_of_nobodys_is_not_trusted(tmp_path: Path) -> None:
    async with wire(answer(), tls=self_signed(tmp_path)) as server:
        http = client(f"https://localhost:{server.port}", policy=policy(tries=1))
        with pytest.raises(RetryLater, match="certificate of the host is not trusted") as caught:
            await http.request("POST", "/x", json={})
        await http.aclose()

    assert not server.requests
    assert not caught.value.maybe_applied


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "both.pem").write_bytes(plain + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


async def test_next_links_stay_on_the_host_and_keep_the_path_prefix() -> None:
    async with connected(answer()) as (server, http):
        origin = f"{server.origin}/zendesk"
        await http.aclose()
        http = client(origin)
        await http.request("GET", "/api?page=1")
        await http.request("GET", f"{server.origin}/zendesk/api?after=a%2Bb%3D%3D")
        for elsewhere in (
            f"http://localhost:{server.port}/zendesk/api",
            f"https://127.0.0.1:{server.port}/zendesk/api",
            f"http://u:p@127.0.0.1:{server.port}/x",
            f"http://127.0.0.1:{server.port}@evil.example/x",
            f"http://127.0.0.1:{server.port}\\@evil.example/x",
            "http://127.0.0.1/x",
            "http://xn--x/x",
            "zendesk/api",
        ):
            with pytest.raises(AbortRun):
                await http.request("GET", elsewhere)
        await http.aclose()

    assert [r.target for r in server.requests] == ["/zendesk/api?page=1", "/zendesk/api?after=a%2Bb%3D%3D"]


async def test_the_default_port_is_the_same_host() -> None:
    http = client("https://acme.zendesk.com", hosts=HostPolicy(["*.zendesk.com"]))
    url = http._url("https://ACME.zendesk.com:443/api/v2/users.json?page=2", None)
    await http.aclose()

    assert str(url) == "https://acme.zendesk.com/api/v2/users.json?page=2"


async def test_a_name_that_turns_out_to_be_private_is_not_called() -> None:
    async with wire(answer()) as server:
        http = client(f"https://localhost:{server.port}", hosts=HostPolicy(["localhost"]))
        with pytest.raises(Misconfigured, match="private or reserved"):
            await http.request("GET", "/x")
        await http.aclose()

    assert server.connections == 0


async def test_cookies_are_not_kept() -> None:
    async with wire(answer(headers={"Set-Cookie": "session=1; Path=/"})) as server:
        http = client(f"http://localhost:{server.port}")  # cookies of bare addresses are not kept by anyone
        await http.request("GET", "/x")
        await http.request("GET", "/x")
        await http.aclose()

    assert "cookie" not in server.requests[1].headers
