"""The secrets and tokens of a tenant's connections, encrypted in Postgres, as a flow run uses them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from psycopg.errors import LockNotAvailable

from ml_connector.core.db import Connection, Database
from ml_connector.core.errors import RetryLater
from ml_connector.core.oauth_token import Token
from ml_connector.core.secret import Secret
from ml_connector.core.vault import Sealer, Vault


def stored_token(sealer: Sealer, connection: str, envelope: bytes) -> Token:
    """The token in this envelope of the table ``token``."""
    return Token.load(sealer.open("token", "envelope", connection, envelope))


async def get_secrets(db: Database, vault: Vault, tenant: str, connection: str) -> dict[str, Secret]:
    """All secrets of a connection by name. Of a tenant that has none nothing is made to keep them by."""
    async with db.tenant(tenant) as conn:
        found = await conn.execute("select name, envelope from secret where connection = %s", (connection,))
        rows = await found.fetchall()
    if not rows:
        return {}
    sealer = await vault.sealer(tenant, "secret")
    return {
        name: Secret(sealer.open("secret", "envelope", f"{connection}/{name}", envelope).decode())
        for name, envelope in rows
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
            try:
                row = None
                while row is None:  # between the two a person may take it away
                    await conn.execute(
                        "insert into token (tenant, connection) values (mlc_tenant(), %s) on conflict do nothing",
                        (self._connection,),
                    )
                    found = await conn.execute(
                        "select envelope from token where connection = %s for update", (self._connection,)
                    )
                    row = await found.fetchone()
            except LockNotAvailable:
                raise RetryLater(
                    f"another process has been renewing the token of {self._tenant}/{self._connection} for too long"
                ) from None
            yield _Slot(conn, sealer, self._connection, row[0])


class _Slot:
    """The locked row of a token."""

    def __init__(self, conn: Connection, sealer: Sealer, connection: str, envelope: bytes | None) -> None:
        self._conn = conn
        self._sealer = sealer
        self._connection = connection
        self.token = stored_token(sealer, connection, envelope) if envelope else None

    async def save(self, token: Token) -> None:
        """Store ``token``; it is durable when the lock is given back, and may be used from then on."""
        envelope = self._sealer.seal("token", "envelope", self._connection, token.dump())
        await self._conn.execute(
            "update token set envelope = %s, updated_at = now() where connection = %s", (envelope, self._connection)
        )
        self.token = token
