"""The secrets and tokens of a tenant's connections, encrypted in Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from psycopg.errors import LockNotAvailable
from sqlmodel import select

from ml_connector.core.connections import credential_changed
from ml_connector.core.db import Connection, Database
from ml_connector.core.endpoints import SIGNING
from ml_connector.core.errors import RetryLater
from ml_connector.core.oauth_token import Token
from ml_connector.core.secret import Secret
from ml_connector.core.tables import StoredSecret, StoredToken
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


def _is_renewable(sealer: Sealer, connection: str, envelope: bytes | None) -> bool:
    return envelope is not None and _token(sealer, connection, envelope).refresh is not None


def _token(sealer: Sealer, connection: str, envelope: bytes) -> Token:
    return Token.load(sealer.open("token", "envelope", connection, envelope))


async def get_secrets(db: Database, vault: Vault, tenant: str, connection: str) -> dict[str, Secret]:
    """All secrets of a connection by name."""
    sealer = await vault.sealer(tenant, "secret")
    async with db.session(tenant) as session:
        found = await session.exec(select(StoredSecret).where(StoredSecret.connection == connection))
        return {
            row.name: Secret(sealer.open("secret", "envelope", f"{connection}/{row.name}", row.envelope).decode())
            for row in found
        }


class PostgresTokenStore:
    """Keeps the OAuth token of one connection; its row lock lets one process at a time renew it (``TokenStore``)."""

    def __init__(self, db: Database, vault: Vault, tenant: str, connection: str) -> None:
        self._db = db
        self._vault = vault
        self._tenant = tenant
        self._connection = connection

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[_Slot]:
        """The token, locked against every other process until left; the one transaction that may hold an HTTP call."""
        sealer = await self._vault.sealer(self._tenant, "secret")
        async with self._db.tenant(self._tenant) as conn:
            await conn.execute(
                "insert into token (tenant, connection) values (mlc_tenant(), %s) on conflict do nothing",
                (self._connection,),
            )
            try:
                row = await (
                    await conn.execute(
                        "select envelope from token where connection = %s for update", (self._connection,)
                    )
                ).fetchone()
            except LockNotAvailable:
                raise RetryLater(
                    f"another process has been renewing the token of {self._tenant}/{self._connection} for too long"
                ) from None
            yield _Slot(conn, sealer, self._connection, row[0] if row else None)


class _Slot:
    """The locked row of a token."""

    def __init__(self, conn: Connection, sealer: Sealer, connection: str, envelope: bytes | None) -> None:
        self._conn = conn
        self._sealer = sealer
        self._connection = connection
        self.token = _token(sealer, connection, envelope) if envelope else None

    async def save(self, token: Token) -> None:
        """Store ``token``; it is durable when the lock is given back, and may be used from then on."""
        envelope = self._sealer.seal("token", "envelope", self._connection, token.dump())
        await self._conn.execute(
            "update token set envelope = %s, updated_at = now() where connection = %s", (envelope, self._connection)
        )
        self.token = token
