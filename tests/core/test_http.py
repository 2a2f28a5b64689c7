"""The HTTP client against a server that misbehaves. What counts is counted at the server."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ml_connector.core.errors import (
    AbortRun,
    ConnectorError,
    LeaseLost,
    Misconfigured,
    Reauthenticate,
    RejectRecord,
    RetryLater,
)
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient, HttpPolicy, Response, Retry
from ml_connector.core.rate import Limit, Limiter
from tests.core.wire import Request, Step, Wire, answer, drip, garbage, hang, hang_up, reset, wire

LOOPBACK = HostPolicy([], allow_private=True)


class Naps:
    """Takes the place of sleeping and remembers for how long it would have been."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.taken.append(round(seconds, 3))


class Tickets:
    """A credential that counts up each time it is refused."""

    remedy = "buy a new ticket"

    def __init__(self, renewals: int = 99) -> None:
        self.number = 1
        self.renewals = renewals

    async def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.number}"}

    async def refuse(self, headers: dict[str, str]) -> None:
        if not self.renewals:
            raise Reauthenticate(self.remedy)
        if headers == await self.headers():
            self.number += 1
            self.renewals -= 1


def explain(response: Response, phase: str) -> ConnectorError:
    return RejectRecord(f"{response.status} refused", phase=phase, request_id=response.request_id)


@asynccontextmanager
async def connected(
    *script: Step, auth: Tickets | None = None, **options: Any
) -> AsyncIterator[tuple[Wire, HttpClient]]:
    async with wire(*script) as server:
        http = client(server.origin, auth=auth, **options)
        yield server, http
        await http.aclose()


def client(origin: str, **options: Any) -> HttpClient:
    defaults: dict[str, Any] = {
        "vendor": "acme",
        "origin": origin,
        "auth": None,
        "hosts": LOOPBACK,
        "explain": explain,
        "request_id_headers": ["X-Request-Id"],
        "policy": policy(),
    }
    return HttpClient(**(defaults | options))


def policy(naps: Naps | None = None, **options: Any) -> HttpPolicy:
    defaults: dict[str, Any] = {"sleep": (naps or Naps()).sleep, "random": lambda: 1.0, "try_timeout": 0.5}
    return HttpPolicy(**(defaults | options))


async def test_an_answer_keeps_exact_numbers_request_id_and_the_servers_clock() -> None:
    good = answer(body=b'{"amount": 10.10}', headers={"X-Request-Id": "r-1", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"})
    async with connected(good) as (server, http):
        response = await http.request("GET", "/things?fixed=1", params={"q": "a b+c;d&e=%'"}, headers={"REST": "4"})

    assert response.json() == {"amount": "10.10"}
    assert response.request_id == "r-1"
    assert response.server_time == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert server.requests[0].target == "/things?fixed=1&q=a+b%2Bc%3Bd%26e%3D%25'"
    assert server.requests[0].headers["rest"] == "4"
    assert b"10.10" not in repr(response).encode()


TRANSIENT: dict[str, Step] = {
    "429": answer(429),
    "500": answer(500),
    "503 as HTML": answer(503, b"<html>", kind="text/html"),
    "520 (Cloudflare)": answer(520),
    "408": answer(408),
    "unexpected 2xx": answer(206),
    "reset": reset,
    "hang up": hang_up,
    "body cut off": answer(body=b'{"a": ', length=500),
    "JSON cut off": answer(body=b'{"a": '),
    "HTML with 200": answer(body=b"<html>", kind="text/html; charset=utf-8"),
    "JSON said to be HTML": answer(body=b"{}", kind="text/html"),
    "HTML said to be JSON": answer(body=b"<html>"),
    "empty where JSON was expected": answer(body=b""),
    "no HTTP": garbage,
    "no answer": hang,
    "a byte at a time": drip,
    "broken gzip": answer(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
async def test_a_read_survives_whatever_may_pass(fault: Step) -> None:
    started = time.monotonic()
    async with connected(fault, answer(body=b'{"a": 1}')) as (server, http):
        assert (await http.request("GET", "/x")).json() == {"a": 1}
        assert len(server.requests) == 2
    assert time.monotonic() - started < 3


UNKNOWN = {name: fault for name, fault in TRANSIENT.items() if name not in ("429", "empty where JSON was expected")}


@pytest.mark.parametrize("fault", UNKNOWN.values(), ids=UNKNOWN.keys())
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_write_of_unknown_outcome_is_never_sent_again(method: str, fault: Step) -> None:
    # The first request leaves a connection in the pool: aiohttp repeats PUT and DELETE on such a one by itself.
    async with connected(answer(), fault, answer(status=201)) as (server, http):
        await http.request("GET", "/warm")
        with pytest.raises(RetryLater) as caught:
            await http.request(method, "/x", json=None if method == "DELETE" else {"a": 1})

        assert len(server.requests) == 2
    assert caught.value.maybe_applied
    assert (caught.value.vendor, caught.value.phase) == ("acme", f"{method} /x")


async def test_a_write_may_be_answered_with_an_empty_body() -> None:
    async with connected(answer(200, b""), answer(204, b"", kind="")) as (server, http):
        assert (await http.request("PUT", "/x", json={})).status == 200
        assert (await http.request("DELETE", "/x")).status == 204

    assert len(server.requests) == 2


async def test_a_write_that_could_not_connect_is_repeated_and_certainly_not_applied() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    naps = Naps()
    http = client(f"http://127.0.0.1:{port}", policy=policy(naps))
    with pytest.raises(RetryLater) as caught:
        await http.request("POST", "/x", json={})
    await http.aclose()

    assert not caught.value.maybe_applied
    assert naps.taken == [1.0, 2.0, 4.0, 8.0]


async def test_a_host_that_takes_no_connection_has_certainly_not_applied_a_write() -> None:
    with socket.socket() as deaf, socket.socket() as queued:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)  # the queue holds one connection, which nobody accepts; further ones are not answered
        queued.connect(deaf.getsockname())
        http = client(f"http://127.0.0.1:{deaf.getsockname()[1]}", policy=policy(connect_timeout=0.1, tries=2))
        with pytest.raises(RetryLater, match="no connection") as caught:
            await http.request("POST", "/x", json={})
        await http.aclose()

    assert not caught.value.maybe_applied


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


async def test_five_tries_then_retry_later_with_the_request_id() -> None:
    naps = Naps()
    async with connected(answer(503, headers={"X-Request-Id": "r-9"}), policy=policy(naps)) as (server, http):
        with pytest.raises(RetryLater, match="answered 503") as caught:
            await http.request("GET", "/x", record_key="42")

    assert len(server.requests) == 5
    assert naps.taken == [1.0, 2.0, 4.0, 8.0]
    assert (caught.value.request_id, caught.value.record_key, caught.value.maybe_applied) == ("r-9", "42", False)


async def test_a_repeated_idempotent_write_says_that_it_may_have_been_applied() -> None:
    async with connected(reset, answer(429)) as (server, http):
        with pytest.raises(RetryLater) as caught:
            await http.request("PUT", "/x", json={}, retry=Retry.ALWAYS)

    assert len(server.requests) == 5
    assert caught.value.maybe_applied


def in_two_minutes() -> str:
    return format_datetime(datetime(2026, 11, 21, 10, 1, 40, tzinfo=UTC), usegmt=True)


NOW = "Sat, 21 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, 8.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": in_two_minutes(), "Date": NOW}, 101.0),
        ({"Retry-After": NOW, "Date": in_two_minutes()}, 1.0),
    ],
)
async def test_retry_after_is_honoured_with_jitter_on_top(headers: dict[str, str], pause: float) -> None:
    naps = Naps()
    async with connected(answer(429, headers=headers), answer(201), policy=policy(naps)) as (_, http):
        await http.request("POST", "/x", json={})

    assert naps.taken == [pause]


async def test_a_date_is_compared_with_our_clock_where_the_vendor_tells_none() -> None:
    naps = Naps()
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    async with connected(answer(503, headers={"Retry-After": later}), answer(), policy=policy(naps)) as (_, http):
        await http.request("GET", "/x")

    assert 45 < naps.taken[0] < 52


@pytest.mark.parametrize(("asked", "told"), [("200", 200.0), ("1000000000", 3600.0), ("9" * 400, 3600.0)])
async def test_a_long_retry_after_is_handed_on_at_once(asked: str, told: float) -> None:
    naps = Naps()
    async with connected(answer(429, headers={"Retry-After": asked}), policy=policy(naps)) as (server, http):
        with pytest.raises(RetryLater) as caught:
            await http.request("POST", "/x", json={})

    assert len(server.requests) == 1
    assert naps.taken == []
    assert (caught.value.retry_after, caught.value.maybe_applied) == (told, False)


async def test_no_pause_goes_beyond_the_deadline() -> None:
    async with connected(answer(429, headers={"Retry-After": "30"}), policy=policy(deadline=10.0)) as (server, http):
        with pytest.raises(RetryLater) as caught:
            await http.request("GET", "/x")

    assert len(server.requests) == 1
    assert caught.value.retry_after == 30.0


async def test_waiting_for_a_free_connection_is_not_a_slow_vendor() -> None:
    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        await answer(201)(request, writer)

    async with connected(slow, policy=policy(connections=1, try_timeout=0.3)) as (server, http):
        await asyncio.gather(*(http.request("POST", "/x", json={}) for _ in range(8)))

    assert (len(server.requests), server.connections) == (8, 1)


async def test_waiting_for_a_free_connection_does_not_count_towards_the_deadline() -> None:
    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        await answer(201)(request, writer)

    hurried = policy(connections=1, deadline=0.2, backoff=0.01, try_timeout=5.0)
    async with connected(slow, answer(503), answer(200), policy=hurried) as (server, http):
        first = asyncio.create_task(http.request("POST", "/slow", json={}))
        await asyncio.sleep(0.05)
        await http.request("GET", "/x")
        await first

    assert len(server.requests) == 3


async def test_401_renews_once_and_sends_the_same_call_again() -> None:
    async with connected(answer(401, b"", kind=""), answer(201), auth=Tickets()) as (server, http):
        await http.request("POST", "/x", json={"a": 1})

    assert [r.headers["authorization"] for r in server.requests] == ["Bearer 1", "Bearer 2"]
    assert [r.body for r in server.requests] == [b'{"a":1}'] * 2


async def test_a_second_401_asks_for_a_person() -> None:
    async with connected(answer(401), auth=Tickets()) as (server, http):
        with pytest.raises(Reauthenticate, match="buy a new ticket"):
            await http.request("GET", "/x")

    assert len(server.requests) == 2


async def test_401_of_a_credential_that_cannot_be_renewed() -> None:
    async with connected(answer(401), auth=Tickets(renewals=0)) as (server, http):
        with pytest.raises(Reauthenticate) as caught:
            await http.request("POST", "/x", json={})

    assert len(server.requests) == 1
    assert (caught.value.vendor, caught.value.phase) == ("acme", "POST /x")


async def test_a_redirect_is_a_refused_credential_and_is_not_followed() -> None:
    to_login = answer(302, b"", kind="", headers={"Location": "/login"})
    async with connected(to_login, answer(), to_login, auth=Tickets()) as (server, http):
        await http.request("GET", "/x")
        with pytest.raises(Reauthenticate, match="redirect"):
            await http.request("GET", "/y")

    assert [r.target for r in server.requests] == ["/x", "/x", "/y", "/y"]


async def test_a_second_401_to_a_new_credential_that_has_worked_meanwhile_asks_for_nobody() -> None:
    """Another process has renewed it once more, or this call is beyond the rights of its user."""
    renewed, worked = asyncio.Event(), asyncio.Event()

    async def serve(request: Request, writer: asyncio.StreamWriter) -> None:
        new = request.headers["authorization"] == "Bearer 2"
        if request.target == "/orders" and new:
            renewed.set()
            await worked.wait()
        accepted = new and request.target != "/orders"
        await answer(200 if accepted else 401)(request, writer)

    auth = Tickets()
    async with connected(serve, auth=auth, policy=policy(try_timeout=5)) as (_, http):
        order = asyncio.create_task(http.request("POST", "/orders", json={}))
        await renewed.wait()
        await http.request("GET", "/x")
        worked.set()
        with pytest.raises(RetryLater, match="works for other calls") as caught:
            await order

    assert not caught.value.maybe_applied
    assert auth.number == 2


async def test_a_redirected_write_is_probed_and_not_repeated() -> None:
    auth = Tickets()
    async with connected(answer(303, b"", kind="", headers={"Location": "/done"}), auth=auth) as (server, http):
        with pytest.raises(RetryLater) as caught:
            await http.request("POST", "/x", json={})

    assert caught.value.maybe_applied
    assert (len(server.requests), auth.number) == (1, 2)


async def test_a_refused_call_is_explained_by_the_connector() -> None:
    async with connected(answer(422, b'{"error": "x"}', headers={"X-Request-Id": "r-2"})) as (server, http):
        with pytest.raises(RejectRecord, match="422 refused") as caught:
            await http.request("POST", "/organizations", json={}, record_key="7")

    assert len(server.requests) == 1
    error = caught.value
    assert (error.vendor, error.phase, error.record_key, error.request_id) == (
        "acme",
        "POST /organizations",
        "7",
        "r-2",
    )


async def test_accepted_statuses_are_returned_whatever_they_are() -> None:
    fault = answer(500, b"<Fault/>", kind="text/xml")
    async with connected(fault) as (_, http):
        response = await http.request(
            "POST", "/soap", content=b"<x/>", headers={"Accept": "text/xml"}, accept=(200, 500)
        )

    assert response.body == b"<Fault/>"


async def test_what_was_not_asked_for_as_json_is_not_read_as_json() -> None:
    async with connected(answer(body=b'{"iban": "DE99')) as (_, http):
        response = await http.request("GET", "/file", headers={"Accept": "*/*"})
    assert response.body == b'{"iban": "DE99'
    with pytest.raises(RetryLater, match="cut off") as caught:
        response.json()
    assert caught.value.__context__ is None, "the decoding error holds the body"


@pytest.mark.parametrize("packed", [False, True])
async def test_an_answer_that_is_too_large_stops_the_run(packed: bool) -> None:
    body = b" " * 3_000_000
    step = answer(body=gzip.compress(body), headers={"Content-Encoding": "gzip"}) if packed else answer(body=body)
    async with connected(step, policy=policy(max_body=1_000_000)) as (server, http):
        with pytest.raises(AbortRun, match="larger than 976 KiB"):
            await http.request("GET", "/x")

    assert len(server.requests) == 1


async def _never(_: Request, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


@pytest.mark.parametrize(
    ("step", "tries", "too_much"),
    [(answer(504), 1, True), (_never, 1, True), (answer(body=b" " * 2_000), 1, True), (answer(503), 3, False)],
    ids=["504", "no answer in time", "too large", "503"],
)
async def test_who_can_ask_for_less_is_told_at_once_that_it_was_too_much(
    step: Step, tries: int, too_much: bool
) -> None:
    limits = policy(tries=3, try_timeout=0.2, max_body=1_000)
    async with connected(step, step, step, policy=limits) as (server, http):
        with pytest.raises(ConnectorError) as caught:
            await http.request("GET", "/x", retry=Retry.UNLESS_TOO_MUCH)

    assert (len(server.requests), caught.value.too_much) == (tries, too_much)


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


async def test_the_guard_stands_before_every_try_of_a_write() -> None:
    asked: list[str] = []

    def guard() -> None:
        asked.append("")
        if len(asked) == 3:
            raise LeaseLost("somebody else writes now")

    async with connected(answer(), answer(), answer(429), guard=guard) as (server, http):
        await http.request("GET", "/x")
        await http.request("POST", "/soap", content=b"<read/>", reads=True)
        unguarded = len(asked)
        with pytest.raises(LeaseLost):
            await http.request("POST", "/x", json={})

    assert (unguarded, len(server.requests)) == (0, 4)


async def test_a_read_by_post_is_repeated_and_nothing_is_in_doubt_after_it() -> None:
    policy = HttpPolicy(tries=3, backoff=0.01)
    async with connected(answer(503), answer(503), answer(503), policy=policy) as (server, http):
        with pytest.raises(RetryLater) as failed:
            await http.request("POST", "/soap", content=b"<read/>", reads=True)

    assert (len(server.requests), failed.value.maybe_applied) == (3, False)


class Permits(Limiter):
    """Notes when permits are taken, beside what reaches the server."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    async def acquire(self, limits: Sequence[Limit]) -> None:
        self.seen.extend(limit.key for limit in limits)


async def test_a_permit_is_taken_for_each_try_right_before_it_leaves() -> None:
    seen: list[str] = []

    async def busy(request: Request, writer: asyncio.StreamWriter) -> None:
        seen.append("request")
        await asyncio.sleep(0.02)
        await answer(429 if len(seen) == 2 else 200)(request, writer)

    async with connected(busy, limiter=Permits(seen), policy=policy(connections=1)) as (_, http):
        limit = Limit("acme", per_minute=10, burst=1)
        await asyncio.gather(*(http.request("GET", "/x", limits=[limit]) for _ in range(3)))

    assert seen == ["acme", "request"] * 4


async def test_cookies_are_not_kept() -> None:
    async with wire(answer(headers={"Set-Cookie": "session=1; Path=/"})) as server:
        http = client(f"http://localhost:{server.port}")  # cookies of bare addresses are not kept by anyone
        await http.request("GET", "/x")
        await http.request("GET", "/x")
        await http.aclose()

    assert "cookie" not in server.requests[1].headers


async def test_a_name_that_turns_out_to_be_private_is_not_called() -> None:
    async with wire(answer()) as server:
        http = client(f"https://localhost:{server.port}", hosts=HostPolicy(["localhost"]))
        with pytest.raises(Misconfigured, match="private or reserved"):
            await http.request("GET", "/x")
        await http.aclose()

    assert server.connections == 0


async def test_errors_carry_no_body_and_no_query() -> None:
    for fault in (answer(body=b'{"iban": "DE99'), answer(503, b"DE99"), reset):
        async with connected(fault) as (_, http):
            with pytest.raises(RetryLater) as caught:
                await http.request("GET", "/x?query=DE99")
        assert "DE99" not in str(caught.value)
        assert caught.value.__context__ is None
