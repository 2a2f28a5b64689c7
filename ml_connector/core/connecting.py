"""A person lets us act for them at a vendor: sent there with a state, and back to our callback with a code.

The state is 256 random bits, good for one callback within ten minutes, and kept as a hash. It alone tells which
connection of which tenant the callback is for; what else the exchange of the code needs is sealed beside it, bound to
that tenant and that state.
"""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ml_connector.core import jsonx
from ml_connector.core.auth import AuthorizationCodeSpec, build_auth
from ml_connector.core.connections import credential_changed
from ml_connector.core.credentials import PostgresTokenStore, get_secrets
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.grants import AuthorizationCode, pkce_pair
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.vault import Vault

MINUTES = 10
"""How long a person has."""
CALLBACK = "/oauth/callback"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def callback_address(public_url: str) -> str:
    """Where vendors send people back to. Misconfigured unless the receiver's public address is fit for it."""
    if not public_url:
        raise Misconfigured(
            "set ML_CONNECTOR_PUBLIC_URL to the address under which browsers reach the receiver, such as "
            "https://hooks.example.com: the vendor sends the person who connects an account there"
        )
    parts = urlsplit(public_url)
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise Misconfigured("ML_CONNECTOR_PUBLIC_URL is no address: write it as https://hooks.example.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise Misconfigured("ML_CONNECTOR_PUBLIC_URL must begin with https:// unless it is this machine's own address")
    return public_url.rstrip("/") + CALLBACK


@dataclass(slots=True, frozen=True)
class Invitation:
    """``url`` is where the person goes; whoever has it can connect an account of theirs in this place."""

    state_hash: bytes = field(repr=False)
    url: str = field(repr=False)


@dataclass(slots=True, frozen=True)
class Progress:
    """What has become of an invitation. ``connected`` None: not known yet."""

    used: bool
    connected: bool | None
    reason: str


@dataclass(slots=True, frozen=True)
class Callback:
    """A callback that was due, of this connection."""

    state_hash: bytes = field(repr=False)
    tenant: str
    connection: str
    system: str
    spec: AuthorizationCodeSpec
    redirect_uri: str
    verifier: str = field(repr=False)


async def invite(
    db: Database,
    vault: Vault,
    tenant: str,
    connection: str,
    system: str,
    spec: AuthorizationCodeSpec,
    hosts: HostPolicy,
    redirect_uri: str,
) -> Invitation:
    """Begin to connect an account. Misconfigured if its client lacks its secret, or ``hosts`` an address.

    Invitations that have run out are swept away.
    """
    await _client(db, vault, tenant, connection, spec, hosts)
    state = random.token_urlsafe(32)
    verifier, challenge = pkce_pair() if spec.pkce else ("", "")
    sealed = {"system": system, "auth": spec.model_dump(), "redirect_uri": redirect_uri, "verifier": verifier}
    sealer, key = await vault.sealer(tenant, "secret"), _hash(state)
    async with db.system() as conn:
        await conn.execute("delete from oauth_state where expires_at < clock_timestamp() - interval '1 hour'")
        await conn.execute(
            "insert into oauth_state (state_hash, tenant, connection, envelope, expires_at) "
            "values (%s, %s, %s, %s, clock_timestamp() + make_interval(mins => %s))",
            (key, tenant, connection, sealer.seal(*_place(key), jsonx.dumps(sealed)), MINUTES),
        )
    return Invitation(key, spec.authorization_url(redirect_uri, state, challenge))


async def accept(db: Database, vault: Vault, state: str) -> Callback | None:
    """The callback that this state is good for, once. None if it is unknown, was used, or has run out."""
    key = _hash(state)
    async with db.system() as conn:
        found = await conn.execute(_USE, (key,))
        row = await found.fetchone()
    if row is None:
        return None
    tenant, connection, envelope = row
    sealed = jsonx.loads((await vault.sealer(tenant, "secret")).open(*_place(key), envelope))
    spec = AuthorizationCodeSpec.model_validate(sealed["auth"])
    return Callback(key, tenant, connection, sealed["system"], spec, sealed["redirect_uri"], sealed["verifier"])


async def exchange(
    db: Database, vault: Vault, callback: Callback, code: str, hosts: HostPolicy, oauth_errors: Mapping[str, str]
) -> None:
    """Buy the token with the code, store it, and let flows use the connection. Raises core.errors.

    ``oauth_errors``: see `System`.
    """
    client = await _client(db, vault, callback.tenant, callback.connection, callback.spec, hosts, oauth_errors)
    await client.exchange(code, callback.redirect_uri, callback.verifier)
    await credential_changed(db, callback.tenant, callback.connection)


async def settle(db: Database, callback: Callback, *, refusal: str | None) -> None:
    """Tell whoever waits for this callback how it ended."""
    async with db.system() as conn:
        await conn.execute(
            "update oauth_state set connected = %s, reason = %s where state_hash = %s",
            (refusal is None, refusal, callback.state_hash),
        )


async def progress(db: Database, invitation: Invitation) -> Progress | None:
    """What has become of an invitation; None when its time has run out."""
    async with db.system() as conn:
        found = await conn.execute(
            "select envelope is null, connected, coalesce(reason, '') from oauth_state "
            "where state_hash = %s and expires_at > clock_timestamp()",
            (invitation.state_hash,),
        )
        row = await found.fetchone()
    return Progress(*row) if row else None


async def withdraw(db: Database, invitation: Invitation) -> None:
    """A callback for this invitation is refused from now on."""
    async with db.system() as conn:
        await conn.execute("delete from oauth_state where state_hash = %s", (invitation.state_hash,))


# The one that takes the envelope out has used the state; the row stays, so that the outcome can be told.
_USE = """
    update oauth_state s set envelope = null
    from (select state_hash, tenant, connection, envelope from oauth_state
        where state_hash = %s and envelope is not null and expires_at > clock_timestamp() for update) due
    where s.state_hash = due.state_hash
    returning due.tenant, due.connection, due.envelope
"""


async def _client(
    db: Database,
    vault: Vault,
    tenant: str,
    connection: str,
    spec: AuthorizationCodeSpec,
    hosts: HostPolicy,
    oauth_errors: Mapping[str, str] = {},
) -> AuthorizationCode:
    secrets = await get_secrets(db, vault, tenant, connection)
    store = PostgresTokenStore(db, vault, tenant, connection)
    client = build_auth(spec, secrets, store, hosts, f"{tenant}/{connection}", oauth_errors)
    assert isinstance(client, AuthorizationCode)  # noqa: S101 - what such a spec describes
    return client


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()


def _place(key: bytes) -> tuple[str, str, str]:
    return "oauth_state", "envelope", key.hex()
