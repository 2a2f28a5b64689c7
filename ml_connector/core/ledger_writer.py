"""What all transactions on the ledger of a stream have in common: the lease, the bodies, and the audit at their end.

Raw psycopg with arrays: this is the hot path (forced row-level security refuses COPY). They travel in binary, ``%b``:
as text an array of bodies is escaped byte by byte (measured: 0.3 instead of 20 microseconds a body).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from ml_connector.core import audit
from ml_connector.core import ledger_sql as sql
from ml_connector.core.audit import Entry, Origin
from ml_connector.core.db import Connection, Database
from ml_connector.core.lease import Lease
from ml_connector.core.vault import Sealer


class LedgerWriter:
    """Writes the ledger of one stream of one tenant for one run, which holds the stream's lease."""

    def __init__(self, db: Database, sealer: Sealer, lease: Lease, tenant: str, run_id: UUID, origin: Origin) -> None:
        self.db = db
        self.sealer = sealer
        self.tenant = tenant
        self.run_id = run_id
        self.stream = origin.stream
        self._lease = lease
        self._origin = origin

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """It is committed at the end. Raises LeaseLost at its beginning."""
        async with self.db.tenant(self.tenant) as conn:
            await self._lease.hold(conn, self.stream)
            yield conn

    async def batch(self, conn: Connection, batch_id: UUID, planned: int) -> None:
        """Begin an open batch, of ``planned`` records that the run accounts for."""
        await conn.execute(
            "insert into batch (tenant, id, stream, run_id, planned) values (mlc_tenant(), %s, %s, %s, %s)",
            (batch_id, self.stream, self.run_id, planned),
        )

    async def name(self, conn: Connection, names: Collection[tuple[str, str]]) -> None:
        """``names``: what people call a record, or a part of it is known by, and a source id."""
        if names:
            await conn.execute(sql.NAME, (self.stream, *(list(column) for column in zip(*sorted(names), strict=True))))

    async def store(self, conn: Connection, kind: str, bodies: Sequence[tuple[UUID, int, bytes]]) -> None:
        """Keep bodies, encrypted: of an effect and an attempt. Of the answers to an attempt the first one stays."""
        if bodies:
            await conn.execute(
                sql.STORE_FIRST if kind == "answer" else sql.STORE,
                (
                    kind,
                    [effect_id for effect_id, _, _ in bodies],
                    [attempt for _, attempt, _ in bodies],
                    [self.sealer.seal("body", "envelope", f"{i}:{kind}:{n}", text) for i, n, text in bodies],
                ),
            )

    async def audit(self, conn: Connection, entries: Sequence[Entry]) -> None:
        """Call it last (`audit.append`)."""
        await audit.append(conn, self._origin, entries)
