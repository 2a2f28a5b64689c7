"""What a person does to a tenant's connection: gives it a secret, and finds out which account it reaches."""

from __future__ import annotations

from datetime import UTC, datetime

from ml_connector.core.credentials import stored_token
from ml_connector.core.db import Database
from ml_connector.core.endpoints import SIGNING, TOKEN
from ml_connector.core.errors import Misconfigured
from ml_connector.core.refusals import needs_reauth
from ml_connector.core.secret import Secret
from ml_connector.core.tables import Connection, StoredSecret, StoredToken
from ml_connector.core.vault import Sealer, Vault


async def put_secret(db: Database, vault: Vault, tenant: str, connection: str, name: str, value: Secret) -> None:
    """Store a secret, in place of what it was.

    A token that was bought with the old one is forgotten; not so one that is renewed by what a person has granted,
    which outlives the secret of the client. A secret that proves what the vendor sends has nothing to do with either.
    """
    ours = not name.startswith(SIGNING)
    sealer = await vault.sealer(tenant, "secret")
    envelope = sealer.seal("secret", "envelope", f"{connection}/{name}", value.reveal().encode())
    async with db.session(tenant) as session:
        await session.merge(
            StoredSecret(
                tenant=tenant, connection=connection, name=name, envelope=envelope, updated_at=datetime.now(UTC)
            )
        )
        token = await session.get(StoredToken, (tenant, connection)) if ours else None
        if token is not None and not (name == "client_secret" and _is_renewable(sealer, connection, token.envelope)):
            await session.delete(token)
    if ours:
        await credential_changed(db, tenant, connection)


async def remove_secrets(db: Database, tenant: str, connection: str, name: str | None) -> list[str]:
    """Forget a secret of a connection, or all of them if no name is given, and the token that was bought; their names.

    Those that belong to the address to which its vendor sends go with that.
    """
    async with db.tenant(tenant) as conn:
        gone = await conn.execute(
            "delete from secret where connection = %s and name = coalesce(%s, name) and name <> %s "
            "and not starts_with(name, %s) returning name",
            (connection, name, TOKEN, SIGNING),
        )
        names = [row[0] for row in await gone.fetchall()]
        if names or name is None:
            gone = await conn.execute("delete from token where connection = %s and envelope is not null", (connection,))
            names += ["the token"] * gone.rowcount
    return names


def _is_renewable(sealer: Sealer, connection: str, envelope: bytes | None) -> bool:
    return envelope is not None and stored_token(sealer, connection, envelope).refresh is not None


async def credential_changed(db: Database, tenant: str, name: str) -> None:
    """A person has given a new credential: let the flows try it."""
    async with db.session(tenant) as session:
        known = await session.get(Connection, (tenant, name))
        if known is not None and known.status == "needs_reauth":
            known.status, known.reason, known.updated_at = "new", None, datetime.now(UTC)
            session.add(known)


async def record_identity(db: Database, tenant: str, name: str, system: str, identity: str) -> None:
    """Note which account a working connection reaches.

    Misconfigured if it is another account than before (test against live): no flow may use it then.
    """
    async with db.session(tenant) as session:
        known = await session.get(Connection, (tenant, name), with_for_update=True)
        row = known or Connection(tenant=tenant, name=name, system=system)
        before = row.identity or identity
        if before == identity:
            row.status, row.identity, row.reason, row.updated_at = "ok", identity, None, datetime.now(UTC)
            session.add(row)
    if before != identity:
        await needs_reauth(db, tenant, name, system, f"it reaches the account {identity} instead of {before}")
        raise Misconfigured(
            f"{tenant}/{name} used to reach the account {before} and now reaches {identity}: its links and "
            f"watermarks belong to the first one. Use another connection name for another account",
            phase="connect",
        )
