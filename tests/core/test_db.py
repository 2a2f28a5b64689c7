"""The pool of connections, where the library below does not tell everything."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from ml_connector.core.db import Database
from ml_connector.core.doctor_query import unreachable
from ml_connector.core.embedded import Embedded
from ml_connector.core.errors import Misconfigured
from ml_connector.core.inbox_writer import InboxWriter
from ml_connector.core.migrate import migrate

STEPS = 40
"""Turns of the loop, more than it takes from the moment in which a connection is free until somebody has it."""


async def _cancelled_after(steps: int, work: Callable[[], Awaitable[None]], begin: Callable[[], None]) -> bool:
    """Whether work that is cancelled so many turns of the loop after ``begin`` ends."""
    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.002)  # it waits
    begin()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=30)
    task.cancel()
    return bool(done)


async def test_who_is_cancelled_in_the_moment_in_which_a_connection_comes_does_not_go_on(
    postgres: Embedded, database_name: str
) -> None:
    async with Database(postgres.uri(database_name), connections=1) as db:

        async def use() -> None:
            async with db.system():
                await asyncio.Event().wait()

        for steps in range(STEPS):
            enough = asyncio.Event()

            async def occupy(enough: asyncio.Event = enough) -> None:
                async with db.system():
                    await enough.wait()

            occupied = asyncio.ensure_future(occupy())
            await asyncio.sleep(0.002)
            assert await _cancelled_after(steps, use, enough.set), f"cancelled {steps} turns after it was free"
            await occupied


SECRET = "geheim"
MALFORMED = (
    f"postgresql://mlc_app:pa%ss{SECRET}@db/x",
    f"postgresq://mlc_app:{SECRET}@db/x",
    f"postgresql://mlc_app:12/{SECRET}@db/x",
    f"postgresql://mlc_app:{SECRET}/12@db/x",
    f"postgresql://mlc_app:12@{SECRET}@db/x",
    f"postgresql://mlc_app:12 {SECRET}@db/x",
    f"host=db password=12 {SECRET}",
)


@pytest.mark.parametrize("address", MALFORMED)
async def test_nothing_of_a_malformed_address_is_told(address: str, caplog: pytest.LogCaptureFixture) -> None:
    told = []
    for use in (Database, InboxWriter, migrate):
        with pytest.raises(Misconfigured, match="percent-encode") as refused:
            use(address)
        told.append(refused)
    with pytest.raises(Misconfigured, match="percent-encode") as refused:
        await unreachable(address)
    told.append(refused)

    shown = [str(one.value) for one in told] + ["".join(traceback.format_exception(one.value)) for one in told]
    assert not [text for text in [*shown, caplog.text] if SECRET in text]


async def test_a_password_may_hold_anything_once_it_is_encoded(postgres: Embedded, database_name: str) -> None:
    password = "p%ss/w@rd:#?& ü"
    with psycopg.connect(postgres.uri(database_name), autocommit=True) as owner:
        owner.execute(sql.SQL("alter role mlc_app password {}").format(sql.Literal(password)))
    address = postgres.uri(database_name, "mlc_app").replace("mlc_app:@", f"mlc_app:{quote(password, safe='')}@")

    assert password not in address
    assert await unreachable(address) is None
    async with Database(address, connections=1) as db, db.tenant("acme") as conn, db.session("acme") as session:
        assert (await (await conn.execute("select current_user")).fetchone()) == ("mlc_app",)
        assert (await (await session.connection()).execute(text("select current_user"))).scalar() == "mlc_app"
