"""Stores what arrives, for good, before its sender is told so.

Deliveries that wait at the same time share one transaction, and so one flush of the disk (group commit).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from ml_connector.core.concurrently import ended
from ml_connector.core.conninfo import parameters
from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.db import Connection
from ml_connector.core.errors import Misconfigured
from ml_connector.core.webhooks import Event

log = logging.getLogger(__name__)

DATABASE_ERRORS = (psycopg.Error, OSError, TimeoutError)
_MOST_ROWS = 500
_MOST_WAITING_BYTES = 32 * 1024 * 1024
# A server that is gone shows within seconds, and a lock does not hold up more than this.
_CONNECT = {
    "connect_timeout": 2,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "options": "-c statement_timeout=5s -c lock_timeout=2s",
}


class NotStored(Exception):
    """The database cannot take events now; the sender must send again."""


@dataclass(slots=True, frozen=True)
class Arrival:
    """An event to be stored, with its body sealed."""

    tenant: str
    connection: str
    event: Event
    envelope: bytes = field(repr=False)


_Waiting = tuple[Sequence[Arrival], asyncio.Future[int]]


class InboxWriter:
    """Stores arrivals over one connection of its own, which is opened again whenever it breaks."""

    def __init__(self, url: str) -> None:
        self._parameters = parameters(url) | _CONNECT
        self._conn: Connection | None = None
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> InboxWriter:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            await ended([self._task])
        await self._drop()

    async def put(self, arrivals: Sequence[Arrival]) -> int:
        """Store them; returns, once they are committed, how many were not known yet. Raises NotStored.

        Whoever is cancelled while waiting does not know whether they are stored, nor needs to: the same event sent
        again is no second row.
        """
        size = _size(arrivals)
        if self._waiting_bytes + size > _MOST_WAITING_BYTES:
            raise NotStored("too many events wait for the database")
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrivals, future))
        self._waiting_bytes += size
        self._some.set()
        return await future

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            batch = self._next_batch()
            try:
                new = await self._store([arrival for arrivals, _ in batch for arrival in arrivals])
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told
                log.error("events are not stored: %s", _told(error))  # noqa: TRY400 - a trace would say nothing more
                await self._drop()
                for _, future in batch:
                    if not future.done():
                        future.set_exception(NotStored("the database does not take events now"))
                continue
            crashpoint("inbox.stored")
            for arrivals, future in batch:
                mine = {_key(arrival) for arrival in arrivals} & new
                new -= mine  # of copies that came together, one is the first
                if not future.done():
                    future.set_result(len(mine))

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        rows = 0
        while self._waiting and rows < _MOST_ROWS:
            arrivals, future = self._waiting.popleft()
            self._waiting_bytes -= _size(arrivals)
            if not future.done():  # who gave up waiting has told its sender to send again
                batch.append((arrivals, future))
                rows += len(arrivals)
        if not self._waiting:
            self._some.clear()
        return batch

    async def _store(self, arrivals: Sequence[Arrival]) -> set[tuple[str, str, str]]:
        if self._conn is not None:
            try:
                return await insert(self._conn, arrivals)
            except psycopg.OperationalError:  # it may have died while nobody wrote; what is stored twice is one row
                await self._drop()
        self._conn = await _connect(self._parameters)
        return await insert(self._conn, arrivals)

    async def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(*DATABASE_ERRORS):
                await conn.close()


async def check_durable(conn: Connection) -> None:
    """Raise Misconfigured if this server may forget what it has committed."""
    found = await conn.execute(
        "select name from unnest(array['fsync', 'full_page_writes', 'synchronous_commit']) name "
        "where current_setting(name) = 'off'"
    )
    off = [row[0] for row in await found.fetchall()]
    if off:
        raise Misconfigured(
            f"{' and '.join(off)} of the PostgreSQL server must be on: events are acknowledged because it keeps them"
        )


async def _connect(to: dict[str, Any]) -> Connection:
    conn = await psycopg.AsyncConnection.connect(**to, autocommit=True)
    try:
        await check_durable(conn)
    except BaseException:
        await conn.close()
        raise
    return conn


async def insert(conn: Connection, arrivals: Sequence[Arrival]) -> set[tuple[str, str, str]]:
    """Store events of any tenants in one statement; returns tenant, connection and event id of those that are new."""
    inserted = await conn.execute(
        "select tenant, connection, event_id from mlc_receive(%b, %b, %b, %b, %b, %b)",
        (
            [arrival.tenant for arrival in arrivals],
            [arrival.connection for arrival in arrivals],
            [arrival.event.event_id for arrival in arrivals],
            [arrival.event.kind for arrival in arrivals],
            [arrival.event.object_key for arrival in arrivals],
            [arrival.envelope for arrival in arrivals],
        ),
    )
    return {(tenant, connection, event_id) for tenant, connection, event_id in await inserted.fetchall()}


def _size(arrivals: Sequence[Arrival]) -> int:
    return sum(len(arrival.envelope) for arrival in arrivals)


def _key(arrival: Arrival) -> tuple[str, str, str]:
    return arrival.tenant, arrival.connection, arrival.event.event_id


def _told(error: BaseException) -> str:
    """Postgres puts values of the row into the text of some errors, never into their class and code."""
    if isinstance(error, Misconfigured):
        return str(error)
    return f"{type(error).__name__} {getattr(error, 'sqlstate', None) or ''}".strip()
