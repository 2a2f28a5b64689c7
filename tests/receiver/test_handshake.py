"""Webhooks of Asana, end to end: the emulator asks our receiver while it creates one, and then sends to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import aiohttp.web
import psycopg
import pytest

from connectors.asana.completed import CompletedTasks
from connectors.asana.field_setup import ensure_fields
from connectors.asana.webhook_setup import ensure_webhooks, remove_webhooks, webhook_findings
from ml_connector.core.db import Database
from ml_connector.core.endpoints import ensure_endpoint, signing_secrets
from ml_connector.core.errors import Misconfigured, RetryLater
from ml_connector.core.handshakes import Keeper
from ml_connector.core.listeners import listen
from ml_connector.core.records import Window
from ml_connector.core.secret import Secret
from tests.connectors.asana_workspace import ORDERS, PAYABLES, WANTED, Workspace, workspace
from tests.receiver.running import ReceiverThread, rows, until, vault_of

STREAM = "oracle_asana/completions"
STRANGE = "attacker" * 8


@pytest.fixture
def asana() -> Iterator[Workspace]:
    with workspace() as opened:
        yield opened


@pytest.fixture
async def address(database: Database, receiver: ReceiverThread) -> Secret:
    """Where acme's Asana sends its events."""
    token = await ensure_endpoint(database, vault_of(database), "acme", "board", "asana")
    await listen(database, "acme", STREAM, "board", "oracle-asana-completions/acme")
    return Secret(f"{receiver.url}/hooks/{token.reveal()}")


@pytest.fixture
def keeper(database: Database) -> Keeper:
    return Keeper(database, vault_of(database), "acme", "board")


async def secrets(database: Database) -> set[str]:
    return {one.reveal() for one in await signing_secrets(database, vault_of(database), "acme", "board")}


async def offer(address: Secret, secret: str = STRANGE) -> tuple[int, str | None]:
    """What the receiver answers to a handshake: status, and the secret that it gives back."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(address.reveal(), headers={"X-Hook-Secret": secret}) as answer,
    ):
        return answer.status, answer.headers.get("X-Hook-Secret")


async def test_webhooks_are_created_once_and_what_they_tell_is_stored_once(
    asana: Workspace, database: Database, address: Secret, keeper: Keeper, owner_url: str
) -> None:
    async with asana.client() as client:
        assert len(await ensure_webhooks(client, address, keeper)) == 2
        assert await ensure_webhooks(client, address, keeper) == []
        await until(lambda: all(webhook["last_success_at"] for webhook in asana.state("webhooks")))
        both = asana.by_hand(create={"name": "In both", "projects": [ORDERS, PAYABLES]})[0]
        asana.by_hand(keys=[both], complete=True)
        asana.by_hand(keys=[both], set={"name": "A change that nobody asked for"})
        await until(lambda: rows(owner_url))
        findings = await webhook_findings(client, address)

        stored = rows(owner_url)
        assert {(row[1], row[3]) for row in stored} == {(STREAM, "pending")}
        assert 1 <= len(stored) <= 2  # two projects tell of one completion, perhaps of the same millisecond
        assert [finding.ok for finding in findings] == [True, True]
        assert len(await secrets(database)) == 2

        await remove_webhooks(client, address)
    assert asana.state("webhooks") == []


async def test_a_handshake_is_answered_only_while_a_webhook_is_created_and_never_kept(
    asana: Workspace, database: Database, address: Secret, keeper: Keeper, receiver: ReceiverThread, owner_url: str
) -> None:
    assert await offer(address) == (401, None)
    async with asana.client(projects={"orders": ORDERS}) as client:
        await ensure_webhooks(client, address, keeper)
    known = await secrets(database)
    assert await offer(address) == (401, None)
    assert await offer(Secret(f"{receiver.url}/hooks/unknown")) == (401, None)

    async with keeper.handshake():  # an attacker who knows both the address and the moment
        assert await offer(address) == (200, STRANGE)
        assert await offer(address, "x" * 10) == (401, None)
        assert await offer(Secret(f"{receiver.url}/hooks/unknown")) == (401, None)
    assert await offer(address) == (401, None)
    assert await secrets(database) == known
    assert STRANGE not in known

    with psycopg.connect(owner_url) as conn:  # a process that died while it created a webhook
        conn.execute("update endpoint set handshake_until = now() - interval '1 second'")
    assert await offer(address) == (401, None)


async def test_a_deleted_webhook_is_found_and_made_anew_and_one_that_never_spoke_is_replaced(
    asana: Workspace, address: Secret, keeper: Keeper
) -> None:
    async with asana.client() as client:
        await ensure_webhooks(client, address, keeper)
        await until(lambda: all(webhook["last_success_at"] for webhook in asana.state("webhooks")))
        asana.emulator.mutate("webhooks", {"delete": True, "keys": [ORDERS]})
        missing = await webhook_findings(client, address)
        assert [(finding.ok, finding.what) for finding in missing] == [
            (False, "project orders has no webhook"),
            (True, "the webhook of project payables works"),
        ]
        assert await ensure_webhooks(client, address, keeper) == ["created the webhook of project orders"]

        (payables,) = [w for w in asana.state("webhooks") if w["resource"]["gid"] == PAYABLES]
        payables |= {"last_success_at": None, "last_failure_at": payables["created_at"]}
        assert await ensure_webhooks(client, address, keeper) == []  # it may be too young to have spoken
        payables["created_at"] = (datetime.now(UTC) - timedelta(minutes=20)).isoformat()
        assert await ensure_webhooks(client, address, keeper) == []  # Asana still tries
        payables["created_at"] = "2026-01-01T00:00:00.000Z"
        await until(lambda: all(w["last_success_at"] for w in asana.state("webhooks") if w is not payables))
        assert await ensure_webhooks(client, address, keeper) == [
            "took the webhook of project payables away: nothing of it has reached us",
            "created the webhook of project payables",
        ]


async def test_what_webhooks_lose_is_found_by_the_scan(
    asana: Workspace, address: Secret, keeper: Keeper, owner_url: str
) -> None:
    gids = [asana.by_hand(create={"name": f"Task {n}"})[0] for n in range(42)]
    async with asana.client(projects={"orders": ORDERS}) as client:
        await ensure_fields(client, WANTED)
        await ensure_webhooks(client, address, keeper)
        await until(lambda: all(webhook["last_success_at"] for webhook in asana.state("webhooks")))
        lo = await client.clock() - timedelta(seconds=2)
        asana.emulator.mutate("webhooks", {"drop": 1})
        asana.by_hand(keys=gids[:1], complete=True)
        await until(lambda: asana.state("deliveries")[-1]["status"] == "dropped")
        asana.by_hand(keys=gids[1:2], complete=True)
        await until(lambda: rows(owner_url))
        asana.emulator.mutate("webhooks", {"delete": True})
        asana.by_hand(keys=gids[2:], complete=True)
        assert await ensure_webhooks(client, address, keeper) == ["created the webhook of project orders"]

        scan = CompletedTasks(client).read(Window(lo, await client.clock()), None)
        found = [record.source_id async for page in scan for record in page.records]

    assert len(rows(owner_url)) == 1
    assert sorted(found) == sorted(gids)


async def test_a_webhook_whose_answer_is_lost_leaves_nothing_behind(
    asana: Workspace, database: Database, address: Secret, keeper: Keeper
) -> None:
    async with asana.client(projects={"orders": ORDERS}) as client:
        asana.fault("lose_response", "POST", "/webhooks", times=1)
        with pytest.raises(RetryLater):
            await ensure_webhooks(client, address, keeper)
        assert asana.state("webhooks") == []
        assert await secrets(database) == set()
        assert await ensure_webhooks(client, address, keeper) == ["created the webhook of project orders"]


async def test_an_address_that_asana_does_not_reach_is_said_so(
    asana: Workspace, database: Database, keeper: Keeper
) -> None:
    async with asana.client(projects={"orders": ORDERS}) as client:
        with pytest.raises(Misconfigured, match="ML_CONNECTOR_PUBLIC_URL"):
            await ensure_webhooks(client, Secret("http://127.0.0.1:1/hooks/x"), keeper)
    assert await secrets(database) == set()


@asynccontextmanager
async def failing_receiver() -> AsyncIterator[tuple[Secret, list[int]]]:
    """Takes the handshake and then refuses everything."""
    seen: list[int] = []

    async def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        secret = request.headers.get("X-Hook-Secret")
        seen.append(200 if secret else 500)
        return aiohttp.web.Response(status=seen[-1], headers={"X-Hook-Secret": secret} if secret else {})

    app = aiohttp.web.Application()
    app.router.add_post("/hooks/x", answer)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Secret(f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/x"), seen
    finally:
        await runner.cleanup()


async def test_a_webhook_that_fails_is_named_and_is_gone_after_a_day(asana: Workspace, keeper: Keeper) -> None:
    asana.emulator.configure({"webhook_retry_seconds": 0.1})
    async with failing_receiver() as (target, seen), asana.client(projects={"orders": ORDERS}) as client:
        await ensure_webhooks(client, target, keeper)
        await until(lambda: len(seen) >= 2)
        (finding,) = await webhook_findings(client, target)
        assert not finding.ok
        assert "has not reached us since ever" in finding.what
        assert "Asana deletes it at" in (finding.hint or "")
        asana.emulator.configure({"webhook_give_up_seconds": 0.1})
        await until(lambda: asana.state("webhooks") == [])
        (finding,) = await webhook_findings(client, target)
    assert finding.what == "project orders has no webhook"
