"""Who drips, floods or never ends does not hurt who behaves."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from statistics import median

import psutil

from ml_connector.core.db import Database
from ml_connector.receiver.limits import Limits
from tests.receiver.running import ReceiverThread, receiver_process, rows, sender, until

HEAD = b"POST /hooks/%s HTTP/1.1\r\nhost: x\r\n"


async def drip(
    port: int, head: bytes, drop: bytes, every: float = 0.05, begun: Callable[[], None] = lambda: None
) -> float:
    """Send ``head``, then drops; returns how long it took to cut us off, connecting included."""
    started = time.monotonic()  # before the receiver can have begun to count, however late we hear of the connection
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun()
    with contextlib.suppress(OSError):
        writer.write(head)
        while not reader.at_eof():
            writer.write(drop)
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(100), every)
    writer.close()
    return time.monotonic() - started


async def test_a_hundred_dripping_senders_are_cut_off_and_the_others_are_served(database: Database, token: str) -> None:
    limits = Limits(request_seconds=3.0, answer_seconds=30.0)
    kinds = [
        (HEAD % token.encode(), b"x"),  # a header's name that never ends
        (HEAD % token.encode() + b"x-a: ", b"b"),
        (HEAD % token.encode() + b"content-length: 5000\r\n\r\n", b"{"),
        (HEAD % token.encode() + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n{\r\n"),
    ]
    with ReceiverThread(database.url, limits=limits) as receiver:
        dripping = [asyncio.create_task(drip(receiver.port, *kinds[n % 4])) for n in range(100)]
        silent = await asyncio.open_connection("127.0.0.1", receiver.port)
        took = []
        async with sender(receiver.url, token) as zendesk:
            for n in range(60):
                started = time.monotonic()
                assert await zendesk.send(n) == 200
                took.append(time.monotonic() - started)
                await asyncio.sleep(0.02)
        lasted = await asyncio.gather(*dripping)
        assert await asyncio.wait_for(silent[0].read(), 60) == b""
        slow = receiver.metrics.registry.get_sample_value("ml_connector_slow_senders_total")

    assert max(lasted) < 60
    assert min(lasted) > 2.95  # not before its time, give or take a clock tick
    assert slow == 101
    assert median(took) < 1.5


async def test_an_empty_line_behind_a_request_keeps_no_connection(database: Database, token: str) -> None:
    with ReceiverThread(database.url, limits=Limits(request_seconds=1.0, answer_seconds=30.0)) as receiver:
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        writer.write(HEAD % token.encode() + b"content-length: 0\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 401")
        writer.write(b"\r\n")
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()


async def test_five_hundred_of_them_cost_little_memory(database: Database, token: str) -> None:
    with receiver_process(database.url) as (url, process):
        port = int(url.rpartition(":")[2])
        async with sender(url, token) as zendesk:
            for n in range(50):
                assert await zendesk.send(n) == 200
            before = psutil.Process(process.pid).memory_info().rss
            head = HEAD % token.encode() + b"x-a: "
            opened: list[None] = []
            dripping = [
                asyncio.create_task(drip(port, head, b"b", every=0.5, begun=lambda: opened.append(None)))
                for _ in range(500)
            ]
            await until(lambda: len(opened) == 500)
            took, grown = [], []
            for n in range(100):
                started = time.monotonic()
                assert await zendesk.send(100 + n) == 200
                took.append(time.monotonic() - started)
                if any(one.done() for one in dripping):
                    break  # on a busy machine their ten seconds are over before all has been sent
                grown.append(psutil.Process(process.pid).memory_info().rss - before)
                await asyncio.sleep(0.02)
            for one in dripping:
                one.cancel()
            await asyncio.gather(*dripping, return_exceptions=True)

    print(f"grown by {max(grown) / 2**20:.1f} MiB; the slowest of {len(took)} took {max(took):.2f} s")
    assert max(grown) < 20 * 2**20
    assert median(took) < 1.5


async def test_a_gigabyte_is_not_read(database: Database, token: str, owner_url: str) -> None:
    """Also without a length, as headers before or behind a body, or beside it; the process does not grow."""

    async def endless(port: int, head: bytes, piece: bytes) -> tuple[bytes, int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 2**30 and not reader.at_eof():
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
                await asyncio.sleep(0)
        answer = b""
        with contextlib.suppress(OSError):
            answer = await reader.read(1000)
        writer.close()
        return answer.split(b"\r\n")[0], sent

    kilo = b"x" * 65536
    chunk = b"10000\r\n" + kilo + b"\r\n"
    head = HEAD % token.encode()
    with receiver_process(database.url) as (url, process):
        port = int(url.rpartition(":")[2])
        async with sender(url, token) as zendesk:
            assert await zendesk.send(1) == 200
            before = psutil.Process(process.pid).memory_info().rss
            for _ in range(5):
                results = await asyncio.gather(
                    endless(port, head + b"content-length: 1073741824\r\n\r\n", kilo),
                    endless(port, head + b"transfer-encoding: chunked\r\n\r\n", chunk),
                    endless(port, head + b"x-a: ", kilo),
                    endless(port, head + b"transfer-encoding: chunked\r\n\r\n0\r\nx-a: ", kilo),
                    endless(port, head + b"transfer-encoding: chunked\r\n\r\n1;x=", kilo),
                    endless(port, b"\r\n", b"\r\n" * 30000),
                )
                assert await zendesk.send(2) == 200
            grown = psutil.Process(process.pid).memory_info().rss - before

            for length, status in ((256 * 1024, 401), (256 * 1024 + 1, 413)):
                body = b"x" * length
                assert await zendesk.post([], body) == status
                assert await zendesk.post([], pieces(body)) == status

    assert all(sent < 32 * 2**20 for _, sent in results), results
    assert {answer for answer, _ in results[:2]} <= {b"HTTP/1.1 413 Content Too Large", b""}, results
    assert grown < 20 * 2**20
    assert len(rows(owner_url)) == 2


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    """Sent in chunks, without a length."""
    for at in range(0, len(body), 50_000):
        yield body[at : at + 50_000]
