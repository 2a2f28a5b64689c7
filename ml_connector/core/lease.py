"""One writer per stream: a row in Postgres that expires by itself, with a counter that fences off its former holders.

Prefect's own limits do not protect: a Retry on a running run starts a second process, and slots outlive dead runs.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import psycopg

from ml_connector.core.concurrently import ended
from ml_connector.core.db import Connection, Database
from ml_connector.core.errors import LeaseLost

RELEASE = 5.0
"""Seconds in which a lease is given back; else it expires."""


class LeaseTaken(Exception):
    """Somebody else is writing this stream; ``holder`` says who."""

    def __init__(self, stream: str, holder: str, seconds: float) -> None:
        super().__init__(f"{stream} is being written by {holder} (its lease runs for another {seconds:.0f} s)")
        self.holder = holder


class Lease:
    """The right to write some streams of a tenant, for as long as it is renewed."""

    def __init__(self, db: Database, tenant: str, owner: UUID, ttl: float) -> None:
        self._db = db
        self._tenant = tenant
        self._owner = owner
        self._ttl = ttl
        self._fences: dict[str, int] = {}
        self._good_until = 0.0

    def check(self) -> None:
        """Raise LeaseLost when the lease may have expired: called right before each write leaves this process.

        Its clock runs on while the process is stopped or its machine sleeps: who slept through the lease notices here.
        """
        if _clock() >= self._good_until:
            raise LeaseLost(f"the lease on {', '.join(self._fences)} ran out: nothing more is written", phase="lease")

    async def hold(self, conn: Connection, stream: str) -> None:
        """Begin a write transaction with this: it fails unless we hold ``stream`` now, and nobody takes over in it."""
        held = await conn.execute(
            "select 1 from lease "
            "where stream = %s and owner = %s and fence = %s and until > clock_timestamp() for share",
            (stream, self._owner, self._fences.get(stream)),
        )
        if await held.fetchone() is None:
            raise LeaseLost(f"another process has taken over {stream}: nothing more is written", phase="lease")

    async def _acquire(self, streams: Sequence[str], holder: str) -> None:
        started = _clock()
        stream = ""
        try:
            async with self._db.tenant(self._tenant) as conn:
                # a holder that was stopped inside a transaction has its row locked until Postgres ends its session
                await conn.execute("set local lock_timeout = '3s'")
                for stream in sorted(streams):
                    self._fences[stream] = await self._take(conn, stream, holder)
        except psycopg.errors.LockNotAvailable:
            async with self._db.tenant(self._tenant) as conn:
                taken = await _taken(conn, stream)
            raise taken from None
        self._good_until = started + self._ttl * 0.9

    async def _take(self, conn: Connection, stream: str, holder: str) -> int:
        taken = await conn.execute(
            """
            insert into lease as l (tenant, stream, owner, fence, until, holder)
            values (mlc_tenant(), %(stream)s, %(owner)s, 1, clock_timestamp() + %(ttl)s * interval '1 s', %(holder)s)
            on conflict (tenant, stream) do update
            set owner = excluded.owner, fence = l.fence + 1, until = excluded.until, holder = excluded.holder
            where l.until <= clock_timestamp()
            returning fence
            """,
            {"stream": stream, "owner": self._owner, "ttl": self._ttl, "holder": holder},
        )
        row = await taken.fetchone()
        if row is None:
            raise await _taken(conn, stream)
        fence: int = row[0]
        return fence

    async def _renew(self) -> None:
        started = _clock()
        async with self._db.tenant(self._tenant) as conn:
            renewed = await conn.execute(
                "update lease set until = clock_timestamp() + %s * interval '1 s' "
                "where owner = %s and until > clock_timestamp()",
                (self._ttl, self._owner),
            )
            if renewed.rowcount == len(self._fences):
                self._good_until = started + self._ttl * 0.9

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._ttl / 3)
            # the database may be away for a moment; if it stays away the lease runs out, which check() and hold() see
            with suppress(psycopg.Error, TimeoutError):
                await self._renew()

    async def _release(self) -> None:
        self._good_until = 0.0
        async with self._db.tenant(self._tenant) as conn:
            await conn.execute("update lease set until = clock_timestamp() where owner = %s", (self._owner,))


def _clock() -> float:
    """Seconds. Linux's monotonic clock stands still while the machine sleeps, and a lease does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


async def _taken(conn: Connection, stream: str) -> LeaseTaken:
    row = await (
        await conn.execute(
            "select holder, extract(epoch from until - clock_timestamp())::float from lease where stream = %s",
            (stream,),
        )
    ).fetchone()
    holder, seconds = row or ("somebody", 0.0)
    return LeaseTaken(stream, holder, max(0.0, seconds))


@asynccontextmanager
async def leased(
    db: Database, tenant: str, streams: Sequence[str], *, holder: str, ttl: float, patience: float = 0.0
) -> AsyncIterator[Lease]:
    """Hold the streams of a tenant, all or none, renewing until left.

    Waits up to ``patience`` seconds for whoever has them. Raises LeaseTaken when that was not enough.
    """
    lease = Lease(db, tenant, uuid4(), ttl)
    deadline = time.monotonic() + patience
    while True:
        try:
            await lease._acquire(streams, holder)
            break
        except LeaseTaken:
            if time.monotonic() >= deadline:
                raise
        await asyncio.sleep(min(1.0, ttl / 4))
    keeper = asyncio.create_task(lease._keep())
    try:
        yield lease
    finally:
        await ended([keeper])
        # the way out must not hide what went wrong inside, nor wait for a database that does not answer
        with suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(RELEASE):
                await lease._release()
