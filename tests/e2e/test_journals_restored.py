"""A ledger that is restored from a backup has forgotten journals that Oracle has.

``E2E_POSTED=50`` is how many it forgets.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from connectors.oracle_fusion.journals import Journals
from ml_connector.core.embedded import Embedded
from tasks import events
from tests.boards import Boards
from tests.installation import Installation
from tests.listening import listening
from tests.posting import Posting
from tests.receiver.conftest import postgres as postgres  # one that keeps what it commits

KEPT, POSTED = 2, int(os.environ.get("E2E_POSTED", "6"))
EACH = 2
"""Completions of one order."""


class Ledger:
    """The database of the installation, which may be copied and put back."""

    def __init__(self, postgres: Embedded, name: str) -> None:
        self._postgres, self._name = postgres, name

    def back_up(self) -> None:
        self._copy(self._name, f"{self._name}_backup")

    def restore(self) -> None:
        self._postgres.drop(self._name)
        self._copy(f"{self._name}_backup", self._name)

    def ask(self, query: LiteralString) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._postgres.uri(self._name), autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def _copy(self, source: str, target: str) -> None:
        """While nobody is in it: the receiver comes back as soon as it may."""
        with psycopg.connect(self._postgres.uri("postgres"), autocommit=True) as connection:
            allow = sql.SQL("alter database {} with allow_connections {}")
            connection.execute(allow.format(sql.Identifier(source), sql.SQL("false")))
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (source,))
            self._postgres.create(target, source)
            connection.execute(allow.format(sql.Identifier(source), sql.SQL("true")))


@pytest.fixture
def ledger(postgres: Embedded, database_name: str) -> Ledger:
    return Ledger(postgres, database_name)


@pytest.fixture
async def posting(installed: Installation, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Posting]:
    """Boards whose webhooks reach a receiver, and a first run behind them: completions count from here."""
    monkeypatch.setattr(events, "LINGER", 0.0)
    monkeypatch.setattr(Journals, "settle_seconds", 0.05)
    made = Posting(Boards(installed, amount="field"))
    await made.prepare((KEPT + POSTED) // EACH + 1)
    async with listening(installed):
        assert (await made.boards.post()).is_completed()
        yield made


async def test_what_a_restored_ledger_has_forgotten_is_found_and_not_posted_again(
    posting: Posting, ledger: Ledger
) -> None:
    tasks = [posting.task(posting.orders[n // EACH], Decimal(n + 1)) for n in range(KEPT + POSTED)]
    await posted(posting, ledger, tasks[:KEPT])
    ledger.back_up()
    await posted(posting, ledger, tasks[KEPT:])
    assert posting.judge() == ([], [])

    ledger.restore()
    posting.sandbox.mutate("asana", "webhooks", again=True)
    await heard(ledger, KEPT + POSTED)
    for _ in range(2):
        ledger.ask("update watermark set updated_at = now() - interval '1 h' returning stream")
        assert (await posting.boards.post()).is_completed()

    assert posting.judge() == ([], [])
    states = Counter(state for (state,) in ledger.ask("select state from effect"))
    assert states == {"applied": KEPT, "unchanged": POSTED}


async def test_what_is_on_its_way_while_the_ledger_is_restored_is_seen_and_not_sent_again(
    posting: Posting, ledger: Ledger
) -> None:
    task = posting.task(posting.orders[0], Decimal(5))
    ledger.back_up()
    posting.sandbox.fault("oracle_fusion", "slow_job", "POST", "*/erpintegrations", seconds=3, times=1)
    posting.complete([task])
    await heard(ledger, 1)
    on_its_way = asyncio.create_task(posting.boards.post())
    while not posting.sandbox.state("oracle_fusion", "ucm_documents"):  # noqa: ASYNC110 - the sandbox tells nobody
        await asyncio.sleep(0.05)
    on_its_way.cancel()
    with suppress(asyncio.CancelledError):
        await on_its_way

    ledger.restore()
    posting.sandbox.mutate("asana", "webhooks", again=True)
    await heard(ledger, 1)
    assert (await posting.boards.post()).is_completed()
    assert posting.judge() == ([], [])
    assert len(posting.sandbox.state("oracle_fusion", "ucm_documents")) == 1


async def posted(posting: Posting, ledger: Ledger, tasks: list[str]) -> None:
    """People complete the tasks, and a run posts what that costs."""
    [(before,)] = ledger.ask("select count(*) from inbox")
    posting.complete(tasks)
    await heard(ledger, before + len(tasks))
    state = await posting.boards.post()
    assert state.is_completed(), state.message


async def heard(ledger: Ledger, wanted: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        [(found,)] = ledger.ask("select count(*) from inbox")
        if found >= wanted:
            return
        assert time.monotonic() < deadline, f"{found} events of {wanted} have arrived"
        await asyncio.sleep(0.02)
