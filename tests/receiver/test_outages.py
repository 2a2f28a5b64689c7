"""Postgres that is gone or hangs, a receiver that is killed: what was acknowledged is there, what is not is not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator

import aiohttp
import psutil
import pytest

from ml_connector.core.db import Database
from ml_connector.core.embedded import Embedded, start_embedded
from ml_connector.receiver.limits import Limits
from tests.receiver.running import ReceiverThread, Sender, add_connection, receiver_process, rows, sender, until
from tests.scratch import scratch


@pytest.fixture
def mortal() -> Iterator[Embedded]:
    """A server of this test alone."""
    with scratch() as folder:
        server = start_embedded(folder / "pg")
        server.prepare("mlc")
        yield server
        start_embedded(folder / "pg").stop()


def kill(server: Embedded) -> None:
    """``kill -9`` of the postmaster; its children end by themselves."""
    postmaster = psutil.Process(server.server.get_pid())
    children = postmaster.children()
    postmaster.kill()
    postmaster.wait(timeout=60)
    psutil.wait_procs(children, timeout=60)


async def test_without_postgres_the_sender_is_asked_to_come_again_and_with_it_all_is_well(mortal: Embedded) -> None:
    url = mortal.uri("mlc", "mlc_app")
    async with Database(url) as database:
        token = await add_connection(database)
    with ReceiverThread(url, limits=Limits(answer_seconds=2.0)) as receiver:
        async with sender(receiver.url, token) as zendesk:
            await insist(zendesk, 1)
            kill(mortal)
            for n, where in ((2, token), (3, "A" * 22)):
                started = time.monotonic()
                headers, body = zendesk.trigger(n)
                named = {name.decode(): value.decode() for name, value in headers}
                async with zendesk.http.post(f"{receiver.url}/hooks/{where}", headers=named, data=body) as answer:
                    assert answer.status == 503
                    assert 0 < int(answer.headers["retry-after"]) < 60
                assert time.monotonic() - started < 20
            async with zendesk.http.get(f"{receiver.url}/readyz") as answer:
                assert answer.status == 503
            async with zendesk.http.get(f"{receiver.url}/healthz") as answer:
                assert answer.status == 200

            start_embedded(mortal.folder)

            await insist(zendesk, 2)
    assert [row[2][-1] for row in rows(mortal.uri("mlc"))] == ["1", "2"]


async def insist(zendesk: Sender, n: int) -> None:
    """Send until it is taken, as vendors do."""
    deadline = time.monotonic() + 60
    while (status := await zendesk.send(n)) == 503:
        assert time.monotonic() < deadline, f"delivery {n} is never taken"
        await asyncio.sleep(0.1)
    assert status == 200


async def test_a_postgres_that_hangs_is_answered_for_in_time(mortal: Embedded) -> None:
    url = mortal.uri("mlc", "mlc_app")
    async with Database(url) as database:
        token = await add_connection(database)
    with ReceiverThread(url, limits=Limits(answer_seconds=2.0)) as receiver:
        async with sender(receiver.url, token) as zendesk:
            await insist(zendesk, 1)
            postmaster = psutil.Process(mortal.server.get_pid())
            family = [postmaster, *postmaster.children()]
            for process in family:
                process.suspend()
            started = time.monotonic()
            try:
                statuses = await asyncio.gather(*[zendesk.send(n) for n in range(2, 12)])
            finally:
                for process in family:
                    process.resume()
            assert statuses == [503] * 10
            assert time.monotonic() - started < 20, "as long as Postgres hangs"

            await asyncio.gather(*[insist(zendesk, n) for n in range(2, 12)])
    assert len(rows(mortal.uri("mlc"))) == 11


async def test_what_a_killed_receiver_acknowledged_is_there(database: Database, token: str, owner_url: str) -> None:
    """Three kills under load. A sender that had no answer sends again, as vendors do."""
    acknowledged: set[int] = set()
    numbers = iter(range(10**6))

    async def load(zendesk: Sender) -> None:
        with contextlib.suppress(OSError, aiohttp.ClientError):  # it is dead
            while True:
                n = next(numbers)
                if await zendesk.send(n) == 200:
                    acknowledged.add(n)

    for killed in range(3):
        with receiver_process(database.url) as (url, process):
            async with sender(url, token) as zendesk:
                tasks = [asyncio.create_task(load(zendesk)) for _ in range(20)]
                await until(lambda enough=50 * (killed + 1): len(acknowledged) > enough)
                os.kill(process.pid, signal.SIGKILL)
                await asyncio.gather(*tasks)

    stored = {int(row[2].removeprefix("invocation:01HANA")) for row in rows(owner_url)}
    assert len(acknowledged) > 150
    assert acknowledged <= stored
