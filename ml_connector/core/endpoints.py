"""The addresses that vendors send to: which connection each belongs to, and the secrets that prove its deliveries.

An address holds a token of 128 random bits. The table that leads from it to the tenant keeps a hash; the token itself
is a secret of the connection, so that `apply` finds its webhook again at the vendor.
"""

from __future__ import annotations

import hashlib
import secrets as random
from dataclasses import dataclass, field

from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.secret import Secret
from ml_connector.core.vault import Vault

TOKEN = "webhook_token"  # noqa: S105 - the name of a secret
SIGNING = "webhook_secret"
"""The secrets of a connection whose names begin with this prove its deliveries."""
_PREVIOUS = ".previous"


@dataclass(slots=True, frozen=True)
class Endpoint:
    """Where the deliveries to one address belong."""

    token_hash: bytes = field(repr=False)
    tenant: str
    connection: str
    system: str
    account: str | None
    """The vendor's account that sends there. Zendesk tells it in deliveries only: the first proven one settles it."""


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def ensure_endpoint(db: Database, vault: Vault, tenant: str, connection: str, system: str) -> Secret:
    """The token of this connection's address, ``/hooks/<token>``; made if there is none."""
    sealer = await vault.sealer(tenant, "secret")
    async with db.tenant(tenant) as conn:
        await conn.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"endpoint {tenant} {connection}",)
        )
        found = await conn.execute(
            "select envelope from secret where connection = %s and name = %s", (connection, TOKEN)
        )
        row = await found.fetchone()
        if row is not None:
            return Secret(sealer.open("secret", "envelope", f"{connection}/{TOKEN}", row[0]).decode())
        token = random.token_urlsafe(16)
        await conn.execute(
            "insert into endpoint (token_hash, tenant, connection, system) values (%s, %s, %s, %s)",
            (token_hash(token), tenant, connection, system),
        )
        await conn.execute(
            "insert into secret (tenant, connection, name, envelope) values (mlc_tenant(), %s, %s, %s)",
            (connection, TOKEN, sealer.seal("secret", "envelope", f"{connection}/{TOKEN}", token.encode())),
        )
        return Secret(token)


async def addresses(db: Database, tenant: str) -> dict[str, str]:
    """The system of each connection that has an address."""
    async with db.tenant(tenant) as conn:
        rows = await conn.execute("select connection, system from endpoint where tenant = %s", (tenant,))
        return {row[0]: row[1] for row in await rows.fetchall()}


async def remove_endpoint(db: Database, tenant: str, connection: str) -> None:
    """Take the address and its secrets away: what is sent there from now on is refused."""
    async with db.tenant(tenant) as conn:
        await conn.execute("delete from endpoint where tenant = %s and connection = %s", (tenant, connection))
        await conn.execute(
            "delete from secret where connection = %s and (name = %s or starts_with(name, %s))",
            (connection, TOKEN, SIGNING),
        )


async def accept_secret(
    db: Database, vault: Vault, tenant: str, connection: str, secret: Secret, *, webhook: str
) -> None:
    """Take deliveries that are signed with ``secret`` from now on; those signed with the one before for another day.

    ``webhook`` tells several webhooks of one connection apart: deliveries of all of them are taken. Unlike
    ``put_secret`` this leaves the connection's OAuth token alone.
    """
    if not secret.reveal():
        raise Misconfigured("an empty signing secret would let anybody sign")
    sealer = await vault.sealer(tenant, "secret")
    name = f"{SIGNING}_{webhook}"
    async with db.tenant(tenant) as conn:
        found = await conn.execute(
            "select envelope from secret where connection = %s and name = %s for update", (connection, name)
        )
        row = await found.fetchone()
        before = sealer.open("secret", "envelope", f"{connection}/{name}", row[0]) if row else None
        values = {name: secret.reveal().encode()}
        if before is not None and before != values[name]:
            values[name + _PREVIOUS] = before
        for key, value in values.items():
            await conn.execute(
                "insert into secret (tenant, connection, name, envelope) values (mlc_tenant(), %s, %s, %s) on conflict "
                "(tenant, connection, name) do update set envelope = excluded.envelope, updated_at = now()",
                (connection, key, sealer.seal("secret", "envelope", f"{connection}/{key}", value)),
            )


async def all_endpoints(db: Database) -> dict[bytes, Endpoint]:
    """Every address, by the hash of its token."""
    async with db.system() as conn:
        rows = await conn.execute("select token_hash, tenant, connection, system, account from endpoint")
        return {bytes(row[0]): Endpoint(bytes(row[0]), *row[1:]) for row in await rows.fetchall()}


async def signing_secrets(db: Database, vault: Vault, tenant: str, connection: str) -> list[Secret]:
    """The secrets that prove deliveries to this connection. Costs the same when there are none."""
    async with db.tenant(tenant) as conn:
        found = await conn.execute(
            "select name, envelope from secret where connection = %s and starts_with(name, %s) "
            "and (right(name, length(%s)) <> %s or updated_at > now() - interval '1 day')",
            (connection, SIGNING, _PREVIOUS, _PREVIOUS),
        )
        rows = await found.fetchall()
    if not rows:
        return []
    sealer = await vault.sealer(tenant, "secret")
    return [Secret(sealer.open("secret", "envelope", f"{connection}/{name}", row).decode()) for name, row in rows]


async def assign_account(db: Database, tenant: str, connection: str, account: str) -> bool:
    """Note which account sends to a connection's address; whether that is new."""
    async with db.system() as conn:
        assigned = await conn.execute(
            "update endpoint set account = %(account)s "
            "where tenant = %(tenant)s and connection = %(connection)s and account is distinct from %(account)s",
            {"account": account, "tenant": tenant, "connection": connection},
        )
        return assigned.rowcount > 0


async def settle_account(db: Database, endpoint: Endpoint, account: str) -> str:
    """Note the account of an address unless it has one; returns the one that it has."""
    async with db.system() as conn:
        found = await conn.execute(
            "update endpoint set account = coalesce(account, %s) where token_hash = %s returning account",
            (account, endpoint.token_hash),
        )
        row = await found.fetchone()
        return str(row[0]) if row else account
