"""Connections to Postgres, each transaction bound to one tenant by row-level security."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection, InterfaceError, OperationalError
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from ml_connector.core.conninfo import parameters

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlmodel.ext.asyncio.session import AsyncSession

Connection = AsyncConnection[tuple[Any, ...]]
UNREACHABLE = (OperationalError, InterfaceError)
"""Raised where Postgres cannot be reached, or has no connection for us; not for anything in a statement."""

# The ledger's indexes are hot and in memory: without the first a growing table is scanned instead (measured).
# A plan that is kept takes each array for ten ids, and was made when the table was small: looking links up in a filled
# table has taken 700 ms by such a plan, 3 ms by one of its own.
_OPTIONS = (
    "-c random_page_cost=1.1 -c plan_cache_mode=force_custom_plan "
    "-c lock_timeout=30s -c idle_in_transaction_session_timeout=120s"
)

# A server that is gone without a word shows within half a minute: else who waits for its answer waits for hours.
_CONNECT = {"connect_timeout": 10, "tcp_user_timeout": 30_000, "keepalives_idle": 10, "keepalives_interval": 5}


class Database:
    """A pool for raw SQL and a session for rows of low rate; use as an async context manager.

    Misconfigured if the address is malformed.
    """

    def __init__(self, url: str, *, connections: int = 4) -> None:
        self.url = url
        self._parameters = _CONNECT | parameters(url) | {"options": _OPTIONS}
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            min_size=1,
            max_size=connections,
            timeout=30,
            open=False,
            kwargs={**self._parameters, "row_factory": tuple_row},
        )
        self._engine: AsyncEngine | None = None

    async def __aenter__(self) -> Database:
        heed = _cancellation()
        try:
            await self._pool.open(wait=True, timeout=30)
            heed()
        except BaseException:
            await self._pool.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()
        if self._engine is not None:
            await self._engine.dispose()

    @asynccontextmanager
    async def tenant(self, tenant: str) -> AsyncIterator[Connection]:
        """A transaction that sees and writes the rows of one tenant only; commits when left without an error."""
        heed = _cancellation()
        async with self._pool.connection() as conn:
            heed()
            await conn.execute("select set_config('mlc.tenant', %s, true)", (tenant,))
            yield conn

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Connection]:
        """A transaction without a tenant: tenant list, rate buckets. Any tenant's table raises in it."""
        heed = _cancellation()
        async with self._pool.connection() as conn:
            heed()
            yield conn

    @asynccontextmanager
    async def session(self, tenant: str) -> AsyncIterator[AsyncSession]:
        """A SQLModel session inside one transaction of one tenant."""
        # not above: importing them is a tenth of the CPU time of a short flow run, and no flow run opens a session
        from sqlalchemy import text
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlmodel.ext.asyncio.session import AsyncSession

        if self._engine is None:
            self._engine = create_async_engine(
                "postgresql+psycopg://",
                connect_args=self._parameters,
                pool_size=1,
                max_overflow=1,
                hide_parameters=True,
            )
        async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
            heed = _cancellation()
            connection = await session.connection()
            heed()
            await connection.execute(text("select set_config('mlc.tenant', :tenant, true)"), {"tenant": tenant})
            yield session


def _cancellation() -> Callable[[], None]:
    """Call the result: it raises if the running task was cancelled after this, and has not noticed.

    Both pools wait by ``asyncio.wait_for``, which in Python 3.11 loses a cancellation that comes in the moment in which
    a connection does (https://github.com/python/cpython/issues/86296): who was told to end would go on for ever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0

    def heed() -> None:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError

    return heed
