"""Credentials: bought, kept, renewed in time, and by one process only. The token endpoint is real HTTP."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson
import pytest
from pydantic import TypeAdapter, ValidationError

from ml_connector.core.auth import AuthorizationCodeSpec, AuthSpec, build_auth
from ml_connector.core.errors import Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.grants import AuthorizationCode, ClientCredentials, pkce_challenge, pkce_pair
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpPolicy
from ml_connector.core.oauth import OAuth, OAuthClient
from ml_connector.core.oauth_token import Token
from ml_connector.core.secret import Secret
from tests.core.wire import Request, Step, Wire, answer, hang, reset, wire

LOOPBACK = HostPolicy([], allow_private=True)
SECRETS = {
    "client_secret": Secret("s3cret"),
    "password": Secret("pa:ss"),
    "token": Secret("t-1"),
    "api_token": Secret("a-1"),
}
START = datetime(2026, 11, 21, 10, tzinfo=UTC)


class MemoryTokenStore:
    """What Postgres does for all processes, for several `OAuth` objects in one test: a locked row, durable saves."""

    def __init__(self, token: Token | None = None) -> None:
        self.token = token
        self.saves = self.locks = 0
        self.row = asyncio.Lock()

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[MemoryTokenStore]:
        async with self.row:
            self.locks += 1
            yield self

    async def save(self, token: Token) -> None:
        self.token = token
        self.saves += 1


class Clock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def ahead(self, **by: float) -> None:
        self.time += timedelta(**by)


class Issuer:
    """An authorization server whose refresh tokens can be used once; a refused one answers as RFC 6749 says."""

    def __init__(self, expires_in: int | None = 3600, delay: float = 0.0) -> None:
        self.count = 0
        self.refresh = "r-0"
        self.expires_in = expires_in
        self.delay = delay

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay)
        asked = fields(request)
        if asked["grant_type"] == "refresh_token" and asked["refresh_token"] != self.refresh:
            await answer(400, b'{"error": "invalid_grant", "error_description": "r-0 was used"}')(request, writer)
            return
        self.count += 1
        self.refresh = f"r-{self.count}"
        token: dict[str, Any] = {"access_token": f"a-{self.count}", "refresh_token": self.refresh}
        if self.expires_in is not None:
            token["expires_in"] = self.expires_in
        await answer(201, orjson.dumps(token))(request, writer)


def fields(request: Request) -> dict[str, Any]:
    if request.headers["content-type"] == "application/json":
        return dict(orjson.loads(request.body))
    return dict(parse_qsl(request.body.decode()))


def token(number: int = 0, *, lifetime: float | None = 3600, issued: datetime = START) -> Token:
    expires = issued + timedelta(seconds=lifetime) if lifetime else None
    return Token(Secret(f"a-{number}"), Secret(f"r-{number}"), issued, expires)


def oauth(
    kind: type[OAuth], server: Wire, store: MemoryTokenStore, clock: Clock | None = None, style: Any = "json"
) -> Any:
    who = OAuthClient(f"{server.origin}/oauth/tokens", "my_client", SECRETS["client_secret"], "read write", style)

    async def no_pause(_: float) -> None:
        pass

    policy = HttpPolicy(tries=3, try_timeout=0.3, sleep=no_pause)
    return kind(who, store, LOOPBACK, "acme/zendesk", now=(clock or Clock()).now, policy=policy)


async def bearer(auth: OAuth) -> str:
    return (await auth.headers())["Authorization"]


# --- buying ---------------------------------------------------------------------------------------------------------


async def test_client_credentials_as_a_form_with_basic_client_authentication() -> None:
    async with wire(Issuer()) as server:
        auth = oauth(ClientCredentials, server, MemoryTokenStore(), style="basic_form")
        assert await bearer(auth) == "Bearer a-1"
        assert await bearer(auth) == "Bearer a-1"

    [request] = server.requests
    assert (request.method, request.target) == ("POST", "/oauth/tokens")
    assert fields(request) == {"grant_type": "client_credentials", "scope": "read write"}
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"my_client:s3cret"


async def test_client_credentials_as_json() -> None:
    async with wire(Issuer()) as server:
        await bearer(oauth(ClientCredentials, server, MemoryTokenStore()))

    assert fields(server.requests[0]) == {
        "grant_type": "client_credentials",
        "scope": "read write",
        "client_id": "my_client",
        "client_secret": "s3cret",
    }
    assert "authorization" not in server.requests[0].headers


async def test_the_code_flow_with_pkce() -> None:
    spec = AuthorizationCodeSpec(
        type="oauth_authorization_code",
        authorize_url="https://acme.zendesk.com/oauth/authorizations/new",
        token_url="https://acme.zendesk.com/oauth/tokens",
        client_id="my_client",
        scope="read write",
    )
    verifier, challenge = pkce_pair()
    url = spec.authorization_url("https://hub.example/callback", "st", challenge)
    store = MemoryTokenStore()
    async with wire(Issuer()) as server:
        auth = oauth(AuthorizationCode, server, store)
        await auth.exchange("the-code", "https://hub.example/callback", verifier)
        assert await bearer(auth) == "Bearer a-1"

    assert {name: value for name, [value] in parse_qs(urlsplit(url).query).items()} == {
        "response_type": "code",
        "client_id": "my_client",
        "redirect_uri": "https://hub.example/callback",
        "scope": "read write",
        "state": "st",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    sent = fields(server.requests[0])
    assert (sent["grant_type"], sent["code"], sent["code_verifier"]) == ("authorization_code", "the-code", verifier)
    assert store.token is not None
    assert store.token.refresh == Secret("r-1")


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    assert (
        pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


# --- keeping and renewing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lifetime", "fresh_until"),
    [(3600, 3300), (601, 301), (600, 300), (300, 150), (60, 30)],
)
async def test_a_token_is_renewed_5_minutes_early_or_at_half_of_a_short_life(lifetime: int, fresh_until: int) -> None:
    clock = Clock()
    async with wire(Issuer(expires_in=lifetime)) as server:
        auth = oauth(ClientCredentials, server, MemoryTokenStore(), clock)
        await bearer(auth)
        clock.ahead(seconds=fresh_until - 1)
        assert await bearer(auth) == "Bearer a-1"
        clock.ahead(seconds=1)
        assert await bearer(auth) == "Bearer a-2"


@pytest.mark.parametrize("body", [b'{"access_token": "a-1"}', b'{"access_token": "a-1", "expires_in": null}'])
async def test_a_token_without_a_lifetime_does_not_expire(body: bytes) -> None:
    clock = Clock()
    async with wire(answer(body=body)) as server:
        auth = oauth(ClientCredentials, server, MemoryTokenStore(), clock)
        await bearer(auth)
        clock.ahead(days=9999)
        await bearer(auth)

    assert len(server.requests) == 1


async def test_a_rotated_refresh_token_is_stored_before_the_new_token_is_used() -> None:
    clock, store = Clock(), MemoryTokenStore(token())
    clock.ahead(hours=2)
    async with wire(Issuer()) as server:
        auth = oauth(AuthorizationCode, server, store, clock)
        assert await bearer(auth) == "Bearer a-1"
        assert store.token is not None
        assert store.token.refresh == Secret("r-1")
        clock.ahead(hours=2)
        assert await bearer(auth) == "Bearer a-2"

    assert [fields(r)["refresh_token"] for r in server.requests] == ["r-0", "r-1"]


async def test_a_token_that_could_not_be_stored_is_not_used() -> None:
    class Broken(MemoryTokenStore):
        async def save(self, token: Token) -> None:  # noqa: ARG002
            raise OSError("disk full")

    async with wire(Issuer()) as server:
        auth = oauth(ClientCredentials, server, Broken())
        for _ in range(2):
            with pytest.raises(OSError, match="disk full"):
                await auth.headers()


async def test_a_refresh_token_is_kept_where_the_vendor_sends_no_new_one() -> None:
    store = MemoryTokenStore(token())
    async with wire(answer(body=b'{"access_token": "a-1", "expires_in": "3600"}')) as server:
        auth = oauth(AuthorizationCode, server, store)
        await auth.refuse({"Authorization": "Bearer a-0"})

    assert store.token is not None
    assert store.token.refresh == Secret("r-0")


# --- one at a time --------------------------------------------------------------------------------------------------


async def test_many_tasks_of_many_processes_renew_once() -> None:
    clock, store = Clock(), MemoryTokenStore(token())
    clock.ahead(hours=2)
    async with wire(Issuer(delay=0.02)) as server:
        processes = [oauth(AuthorizationCode, server, store, clock) for _ in range(4)]
        got = await asyncio.gather(*(bearer(auth) for auth in processes for _ in range(10)))

    assert set(got) == {"Bearer a-1"}
    assert (len(server.requests), store.saves, store.locks) == (1, 1, 4)


async def test_many_tasks_of_many_processes_are_refused_and_renew_once() -> None:
    store = MemoryTokenStore(token())
    async with wire(Issuer(delay=0.02)) as server:
        processes = [oauth(AuthorizationCode, server, store) for _ in range(4)]
        await asyncio.gather(*(bearer(auth) for auth in processes))
        await asyncio.gather(*(auth.refuse({"Authorization": "Bearer a-0"}) for auth in processes for _ in range(10)))
        got = {await bearer(auth) for auth in processes}

    assert got == {"Bearer a-1"}
    assert len(server.requests) == 1


async def test_a_late_refusal_of_an_old_token_does_not_renew_the_new_one() -> None:
    store = MemoryTokenStore(token())
    async with wire(Issuer()) as server:
        slow, fast = (oauth(AuthorizationCode, server, store) for _ in range(2))
        refused = await slow.headers()
        await fast.refuse(await fast.headers())
        await slow.refuse(refused)
        assert await bearer(slow) == "Bearer a-1"

    assert len(server.requests) == 1


async def test_a_cancelled_caller_does_not_lose_the_new_refresh_token() -> None:
    store = MemoryTokenStore(token())
    async with wire(Issuer(delay=0.1)) as server:
        auth = oauth(AuthorizationCode, server, store)
        caller = asyncio.create_task(auth.refuse({"Authorization": "Bearer a-0"}))
        await asyncio.sleep(0.05)
        caller.cancel()
        assert await asyncio.gather(caller, return_exceptions=True)
        await auth.refuse({"Authorization": "Bearer a-0"})
        assert await bearer(auth) == "Bearer a-1"

    assert len(server.requests) == 1


# --- failing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_dead_refresh_token_says_how_to_reconnect(status: int) -> None:
    dead = answer(status, b'{"error": "invalid_grant", "error_description": "r-0 is revoked"}')
    async with wire(dead) as server:
        auth = oauth(AuthorizationCode, server, MemoryTokenStore(token()))
        for _ in range(5):
            with pytest.raises(Reauthenticate, match=r"invalid_grant.*`ml-connector connect acme/zendesk`") as caught:
                await auth.refuse({"Authorization": "Bearer a-0"})
        assert "r-0" not in str(caught.value)

    assert len(server.requests) == 1, "a refused credential is not tried in a loop: vendors lock accounts"


async def test_a_refresh_token_whose_answer_was_lost_is_tried_again_once_and_by_no_other_process() -> None:
    async def cut_off(request: Request, writer: asyncio.StreamWriter) -> None:
        issuer.refresh = "r-1"
        await reset(request, writer)

    issuer, store, clock = Issuer(), MemoryTokenStore(token()), Clock()
    async with wire(cut_off, issuer) as server:
        for _ in range(5):
            with pytest.raises(Reauthenticate, match="`ml-connector connect acme/zendesk`"):
                await oauth(AuthorizationCode, server, store, clock).refuse({"Authorization": "Bearer a-0"})
            clock.ahead(minutes=5)

    assert [fields(r)["refresh_token"] for r in server.requests] == ["r-0", "r-0"]
    assert store.token is not None
    assert store.token.refresh is None


@pytest.mark.parametrize("style", ["json", "basic_form"])
async def test_a_public_client_says_who_it_is_and_proves_nothing(style: str) -> None:
    async with wire(Issuer()) as server:
        who = OAuthClient(f"{server.origin}/oauth/tokens", "my_client", None, "read write", style)  # type: ignore[arg-type]
        await AuthorizationCode(who, MemoryTokenStore(token()), LOOPBACK, "acme/zendesk").refuse(
            {"Authorization": "Bearer a-0"}
        )

    assert fields(server.requests[0])["client_id"] == "my_client"
    assert "client_secret" not in fields(server.requests[0])
    assert "authorization" not in server.requests[0].headers


async def test_a_dead_refresh_token_is_reported_while_the_last_token_still_works() -> None:
    clock = Clock()
    clock.ahead(minutes=56)
    async with wire(answer(400, b'{"error": "invalid_grant"}')) as server:
        with pytest.raises(Reauthenticate):
            await oauth(AuthorizationCode, server, MemoryTokenStore(token()), clock).headers()


async def test_a_connection_that_was_never_made_says_how_to_make_it() -> None:
    async with wire(answer()) as server:
        with pytest.raises(Reauthenticate, match=r"never connected.*`ml-connector connect acme/zendesk`"):
            await oauth(AuthorizationCode, server, MemoryTokenStore()).headers()

    assert not server.requests


async def test_reconnecting_ends_the_quiet_time() -> None:
    clock, store = Clock(), MemoryTokenStore()
    async with wire(Issuer()) as server:
        auth = oauth(AuthorizationCode, server, store, clock)
        with pytest.raises(Reauthenticate):
            await auth.headers()
        store.token = token(7)
        clock.ahead(seconds=31)
        assert await bearer(auth) == "Bearer a-7"


async def test_a_refused_client_secret_says_which_to_set() -> None:
    async with wire(answer(401, b'{"error": "invalid_client"}')) as server:
        with pytest.raises(Reauthenticate, match="`ml-connector secret set acme/zendesk client_secret`"):
            await oauth(ClientCredentials, server, MemoryTokenStore()).headers()


async def test_a_wrong_token_address_is_a_mistake_in_the_configuration() -> None:
    async with wire(answer(404, b"<html>", kind="text/html")) as server:
        with pytest.raises(Misconfigured, match="404: check token_url"):
            await oauth(ClientCredentials, server, MemoryTokenStore()).headers()


@pytest.mark.parametrize("fault", [answer(503), reset, hang, answer(200, b"<html>", kind="text/html")])
async def test_a_token_that_still_works_is_kept_while_the_token_endpoint_is_down(fault: Step) -> None:
    clock, store = Clock(), MemoryTokenStore(token())
    clock.ahead(minutes=56)
    async with wire(fault) as server:
        auth = oauth(AuthorizationCode, server, store, clock)
        for _ in range(10):
            assert await bearer(auth) == "Bearer a-0"
        assert len(server.requests) == 3, "the tries of one renewal"
        clock.ahead(minutes=10)
        for _ in range(10):
            with pytest.raises(RetryLater) as caught:
                await auth.headers()
        assert not caught.value.maybe_applied
        assert len(server.requests) == 6


async def test_a_refused_token_is_not_kept_while_the_token_endpoint_is_down() -> None:
    async with wire(answer(503)) as server:
        auth = oauth(AuthorizationCode, server, MemoryTokenStore(token()))
        await auth.headers()
        with pytest.raises(RetryLater):
            await auth.refuse({"Authorization": "Bearer a-0"})


# --- the tenant file ------------------------------------------------------------------------------------------------


def spec_of(**fields: Any) -> Any:
    return TypeAdapter(AuthSpec).validate_python(fields)


async def test_fixed_credentials() -> None:
    def built(**fields: Any) -> Any:
        return build_auth(spec_of(**fields), SECRETS, MemoryTokenStore(), LOOPBACK, "acme/oracle")

    def basic(pair: bytes) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}

    assert await built(type="basic", username="jo").headers() == basic(b"jo:pa:ss")
    legacy = built(type="basic", username="jo@acme.example/token", secret="api_token")
    assert await legacy.headers() == basic(b"jo@acme.example/token:a-1")
    assert await built(type="bearer").headers() == {"Authorization": "Bearer t-1"}
    with pytest.raises(Reauthenticate, match="`ml-connector secret set acme/oracle password`"):
        await built(type="basic", username="jo").refuse({})


OAUTH = {"type": "oauth_client_credentials", "token_url": "https://idcs-1.identity.oraclecloud.com/t", "client_id": "c"}


def test_a_missing_secret_is_named() -> None:
    hosts = HostPolicy(["*.identity.oraclecloud.com"])
    with pytest.raises(Misconfigured, match="`ml-connector secret set acme/oracle client_secret`"):
        build_auth(spec_of(**OAUTH), {}, MemoryTokenStore(), hosts, "acme/oracle")


def test_a_token_address_outside_the_allowed_hosts_is_refused() -> None:
    with pytest.raises(Misconfigured, match="not an allowed host"):
        build_auth(spec_of(**OAUTH), SECRETS, MemoryTokenStore(), HostPolicy(["*.zendesk.com"]), "acme/oracle")


@pytest.mark.parametrize("wrong", [{"type": "magic"}, {**OAUTH, "client_secret": "x"}, {**OAUTH, "token_style": "x"}])
def test_a_spec_with_unknown_fields_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        spec_of(**wrong)


def test_a_token_survives_storage_and_hides_in_reprs() -> None:
    for kept in (token(), Token(Secret("a"), None, START, None)):
        assert Token.load(kept.dump()) == kept
    assert "a-0" not in repr(token())
