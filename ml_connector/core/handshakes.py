"""Handshakes of new webhooks: an address is proved only while our own call that creates a webhook there is open.

What a handshake brings is given back to its sender and never kept. The signing secret is taken from the vendor's
answer to our call: who knows an address and its moment can at most make that call fail.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ml_connector.core.db import Database
from ml_connector.core.endpoints import accept_secret, assign_account
from ml_connector.core.secret import Secret
from ml_connector.core.vault import Vault

LONGEST = 120.0
"""Seconds after which a handshake is refused, whatever has become of the call."""


class Keeper:
    """Keeps the signing secrets of one connection's webhooks, and says when a handshake is to be expected there."""

    def __init__(self, db: Database, vault: Vault, tenant: str, connection: str) -> None:
        self._db = db
        self._vault = vault
        self._tenant = tenant
        self._connection = connection

    async def __call__(self, webhook: str, secret: Secret) -> None:
        """Take deliveries that are signed with ``secret`` from now on; ``webhook`` tells several apart."""
        await accept_secret(self._db, self._vault, self._tenant, self._connection, secret, webhook=webhook)

    async def belongs_to(self, account: str) -> bool:
        """Take deliveries of this account of the vendor, and of no other; whether that is new."""
        return await assign_account(self._db, self._tenant, self._connection, account)

    @asynccontextmanager
    async def handshake(self) -> AsyncIterator[None]:
        """Handshakes are answered within, and refused again afterwards."""
        await self._expect(LONGEST)
        try:
            yield
        finally:
            await self._expect(0.0)

    async def _expect(self, seconds: float) -> None:
        async with self._db.system() as conn:
            await conn.execute(
                "update endpoint set handshake_until = clock_timestamp() + make_interval(secs => %s) "
                "where tenant = %s and connection = %s",
                (seconds, self._tenant, self._connection),
            )


async def handshake_expected(db: Database, token_hash: bytes) -> bool:
    """Whether a webhook is just being created at this address."""
    async with db.system() as conn:
        found = await conn.execute(
            "select 1 from endpoint where token_hash = %s and handshake_until > clock_timestamp()", (token_hash,)
        )
        return await found.fetchone() is not None
