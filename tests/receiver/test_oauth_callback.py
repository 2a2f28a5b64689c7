"""Accounts are connected through the callback, each by its own state, once; everything else is refused clearly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest

from ml_connector.core.auth import AuthorizationCodeSpec
from ml_connector.core.connecting import CALLBACK, Invitation, Progress, invite, progress
from ml_connector.core.connections import put_secret
from ml_connector.core.credentials import PostgresTokenStore
from ml_connector.core.db import Database
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.oauth_token import Token
from ml_connector.core.refusals import needs_reauth, refused_connections, require_usable
from ml_connector.core.secret import Secret
from ml_connector.sandbox.serve import SandboxThread
from tests.connections import CLIENT_SECRET
from tests.installation import Sandbox
from tests.person import Page, changed, consent, load, parameter
from tests.receiver.running import PATIENT, ReceiverThread, vault_of

LOOPBACK = HostPolicy([], allow_private=True)


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxThread]:
    with SandboxThread() as thread:
        yield thread


@dataclass(slots=True)
class Desk:
    """The Zendesk accounts of some tenants, none of them connected yet, and a receiver."""

    db: Database
    receiver: ReceiverThread
    sandbox: Sandbox

    def spec(self, *, public: bool = False) -> AuthorizationCodeSpec:
        zendesk = f"{self.sandbox.url}/zendesk"
        return AuthorizationCodeSpec(
            type="oauth_authorization_code",
            authorize_url=f"{zendesk}/oauth/authorizations/new",
            token_url=f"{zendesk}/oauth/tokens",
            token_style="json",
            client_id="ml-connector-public" if public else "ml-connector",
            public_client=public,
            scope="read write",
        )

    async def invite(
        self, tenant: str = "acme", *, public: bool = False, spec: AuthorizationCodeSpec | None = None
    ) -> Invitation:
        vault = vault_of(self.db)
        if not public:
            await put_secret(self.db, vault, tenant, "desk", "client_secret", Secret(CLIENT_SECRET))
        wanted = spec or self.spec(public=public)
        redirect_uri = self.receiver.url + CALLBACK
        return await invite(self.db, vault, tenant, "desk", "zendesk", wanted, LOOPBACK, redirect_uri)

    async def token(self, tenant: str = "acme") -> Token | None:
        async with PostgresTokenStore(self.db, vault_of(self.db), tenant, "desk").locked() as slot:
            return slot.token

    def exchanges(self) -> int:
        return sum(row["count"] for row in self.sandbox.requests() if row["route"] == "/oauth/tokens")


@pytest.fixture
def desk(database: Database, receiver: ReceiverThread, running: SandboxThread) -> Desk:
    running.reset()
    return Desk(database, receiver, Sandbox(running.base_url))


async def outcome(desk: Desk, invitation: Invitation) -> Progress:
    found = await progress(desk.db, invitation)
    assert found is not None
    return found


@pytest.mark.parametrize("public", [False, True])
async def test_a_person_connects_an_account_and_the_connection_is_usable_again(
    desk: Desk, public: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    invitation = await desk.invite(public=public)
    await needs_reauth(desk.db, "acme", "desk", "zendesk", "invalid_grant")

    address = consent(invitation.url)
    page = load(address)

    assert (page.status, "acme/desk is connected" in page.text) == (200, True)
    assert await outcome(desk, invitation) == Progress(used=True, connected=True, reason="")
    await require_usable(desk.db, "acme", "desk")
    assert await refused_connections(desk.db, "acme") == []
    token = await desk.token()
    assert token is not None
    assert token.refresh is not None
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    said = "\n".join([page.text, repr(invitation), repr(token), *map(_everything, caplog.records)])
    secrets = [parameter(address, "code"), parameter(address, "state"), token.access.reveal(), token.refresh.reveal()]
    assert [secret for secret in [*secrets, CLIENT_SECRET] if secret in said] == []


def _everything(record: logging.LogRecord) -> str:
    # the person's own browser is a part of this process, and httpcore says what it asks for
    return "" if record.name.startswith(("httpx", "httpcore")) else f"{record.getMessage()} {record.exc_text}"


async def test_oracle_is_connected_the_same_way_and_a_refusal_of_its_domain_is_told(desk: Desk) -> None:
    domain = f"{desk.sandbox.url}/oracle_fusion/oauth2/v1"
    spec = AuthorizationCodeSpec(
        type="oauth_authorization_code",
        authorize_url=f"{domain}/authorize",
        token_url=f"{domain}/token",
        client_id="ml-connector",
        scope="urn:opc:resource:consumer::all offline_access",
    )
    assert load(consent((await desk.invite(spec=spec)).url)).status == 200
    token = await desk.token()
    assert token is not None
    assert token.refresh is not None

    desk.sandbox.settings("oracle_fusion", consent=False)
    page = load(consent((await desk.invite(spec=spec)).url))
    assert (page.status, "access_denied" in page.text) == (400, True)


async def test_a_state_is_good_once_also_when_it_comes_twenty_times_at_the_same_moment(desk: Desk) -> None:
    invitation = await desk.invite()
    address = consent(invitation.url)

    pages = await asyncio.gather(*[asyncio.to_thread(load, address) for _ in range(20)])

    assert sorted(page.status for page in pages) == [200] + [400] * 19
    assert desk.exchanges() == 1
    connected = await desk.token()
    again = load(address)
    assert (again.status, "not valid any more" in again.text) == (400, True)
    assert (await desk.token(), desk.exchanges()) == (connected, 1)


async def test_an_unknown_or_missing_or_late_state_is_refused_before_the_vendor_is_asked(
    desk: Desk, owner_url: str
) -> None:
    invitation = await desk.invite()
    address = consent(invitation.url)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("update oauth_state set expires_at = clock_timestamp() - interval '1 second'")

    for wrong in (
        address,
        changed(address, state="A" * 43),
        changed(address, state=None),
        desk.receiver.url + CALLBACK,
    ):
        page = load(wrong)
        assert (page.status, "not valid any more" in page.text) == (400, True)
        assert "acme" not in page.text
    assert (desk.exchanges(), await desk.token()) == (0, None)
    assert await progress(desk.db, invitation) is None


async def test_a_state_serves_its_own_tenant_only(desk: Desk, owner_url: str) -> None:
    """A code that was granted to acme does not connect globex, nor does a state that was moved to another tenant."""
    acme, globex = await desk.invite("acme"), await desk.invite("globex")
    codes = consent(acme.url)

    swapped = load(changed(codes, state=parameter(globex.url, "state")))

    assert swapped.status == 400
    assert "globex/desk is not connected" in swapped.text
    assert "invalid_grant" in swapped.text  # the verifier of globex does not match the challenge of acme
    moved = await desk.invite("acme")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("update oauth_state set tenant = 'globex' where state_hash = %s", (moved.state_hash,))
    assert load(consent(moved.url)).status == 503
    assert (await desk.token("acme"), await desk.token("globex")) == (None, None)


async def test_a_code_without_pkce_or_with_that_of_another_is_refused_by_the_vendor(desk: Desk) -> None:
    without = await desk.invite(public=True)
    page = load(consent(changed(without.url, code_challenge=None, code_challenge_method=None)))
    assert (page.status, "The vendor refuses: invalid_request" in page.text) == (400, True)

    foreign = await desk.invite(public=True)
    page = load(consent(changed(foreign.url, code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")))
    assert (page.status, "invalid_grant" in page.text) == (400, True)
    assert await desk.token() is None


async def test_what_the_vendor_says_is_shown_as_text_and_a_working_connection_keeps_working(desk: Desk) -> None:
    load(consent((await desk.invite()).url))
    working = await desk.token()
    desk.sandbox.settings("zendesk", consent=False)
    denied, hostile, silent = [await desk.invite() for _ in range(3)]

    page = load(consent(denied.url))
    assert page.status == 400
    assert "acme/desk is not connected" in page.text
    assert "access_denied (The end-user or authorization server denied the request.)" in page.text
    told = await outcome(desk, denied)
    assert (told.connected, "access_denied" in told.reason) == (False, True)

    script = "<script>alert(1)</script>\x1b[2J\r\n" + "x" * 5000
    bad = changed(consent(hostile.url), error="<b>x</b>", error_description=script)
    page = load(bad)
    assert page.status == 400
    assert "<script" not in page.text
    assert "<b>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert len(page.text) < 1500
    assert "\x1b" not in page.text + (await outcome(desk, hostile)).reason

    page = load(changed(consent(silent.url), error=None, error_description=None))
    assert (page.status, "sent no code" in page.text) == (400, True)
    assert load(bad).status == 400
    await require_usable(desk.db, "acme", "desk")
    assert await desk.token() == working


async def test_a_vendor_that_is_down_or_refuses_the_client_connects_nothing(desk: Desk) -> None:
    refused = await desk.invite()
    await put_secret(desk.db, vault_of(desk.db), "acme", "desk", "client_secret", Secret("rotated at the vendor"))
    # the emulated Zendesk takes a proof by PKCE alone where no secret is sent, but never a wrong secret
    page = load(consent(refused.url))
    assert (page.status, "invalid_client" in page.text) == (400, True)

    down = await desk.invite()
    address = consent(down.url)
    desk.sandbox.fault("zendesk", "reset", "POST", "/oauth/tokens")
    page = load(address)
    assert (page.status, "acme/desk is not connected" in page.text) == (502, True)
    assert (await outcome(desk, down)).connected is False
    assert await desk.token() is None


async def test_who_only_looks_uses_up_nothing_and_a_flood_is_told_to_wait(desk: Desk) -> None:
    limits = replace(PATIENT, callbacks=3, callbacks_per_second=0.001)
    with ReceiverThread(desk.db.url, limits=limits) as narrow:
        desk.receiver = narrow
        address = consent((await desk.invite()).url)
        assert [load(address, method).status for method in ("HEAD", "POST", "HEAD")] == [405] * 3
        late = consent((await desk.invite()).url)
        flood: list[Page] = [load(changed(address, state="x")) for _ in range(2)]
        flood += [load(address), load(late)]

    assert [page.status for page in flood] == [400, 400, 200, 429]
