"""Deliveries over real HTTP into a real database: what is acknowledged is stored once, forgeries nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ml_connector.core.db import Database
from ml_connector.core.endpoints import accept_secret, remove_endpoint
from ml_connector.core.ids import uuid7
from ml_connector.core.inbox import Inbox
from ml_connector.core.lease import leased
from ml_connector.core.listeners import listen
from ml_connector.core.secret import Secret
from ml_connector.core.signatures import verify_zendesk
from ml_connector.receiver import directory
from tests.core.test_signatures import Scheme, mutate
from tests.receiver import signing
from tests.receiver.running import (
    PATIENT,
    SECRET,
    STREAM,
    ReceiverThread,
    Sender,
    add_connection,
    receiver_process,
    rows,
    sender,
    vault_of,
)


async def test_fifty_copies_at_once_and_one_tomorrow_are_one_event(zendesk: Sender, owner_url: str) -> None:
    headers, body = zendesk.trigger(1)
    tomorrow = zendesk.signed(body, "01HANA" + f"{1:020d}", time.time() + 200)

    statuses = await asyncio.gather(*[zendesk.post(headers, body) for _ in range(50)])

    assert statuses == [200] * 50
    assert await zendesk.post(tomorrow, body) == 200
    assert rows(owner_url) == [("acme", STREAM, f"invocation:01HANA{1:020d}", "pending")]


async def test_each_stream_that_listens_has_the_event_and_reads_its_body(
    zendesk: Sender, database: Database, owner_url: str, specs: Path
) -> None:
    await listen(database, "acme", "qad_zendesk/ticket_events", "desk", "qad-zendesk-log-ticket-events/acme")
    recorded = json.loads((specs / "zendesk/webhook-vectors/real-attempt-recorded-2023.json").read_text())
    body = recorded["request"]["payload"].encode()
    zendesk.account = "18525119"

    assert await zendesk.post(zendesk.signed(body, recorded["invocation_id"]), body) == 200

    event_id = "event:b3695d61-2ef4-4e9c-97af-1f065c099564"
    assert sorted(rows(owner_url)) == [
        ("acme", STREAM, event_id, "pending"),
        ("acme", "qad_zendesk/ticket_events", event_id, "pending"),
    ]
    sealer = await vault_of(database).sealer("acme", "body")
    async with leased(database, "acme", [STREAM], holder="test", ttl=30) as lease:
        (event,) = await Inbox(database, sealer, lease, "acme", STREAM, uuid7()).take(10)
    assert (event.kind, event.object_key, event.body) == ("user.deleted", "user:6164069643162", body)


async def test_forgeries_over_http_are_refused_and_leave_nothing(
    zendesk: Sender, owner_url: str, receiver: ReceiverThread
) -> None:
    dice = random.Random(3)
    scheme = Scheme(verify_zendesk, signing.zendesk)

    async def forge() -> int:
        headers, body = zendesk.trigger(dice.randrange(1000))
        signed, rest = headers[:2], headers[2:]
        while True:
            mutated, changed = mutate(dice, scheme, signed, body)
            # what HTTP takes away at the ends of a header, or cannot carry, is no mutation there
            carried = all(v == v.strip() and not set(v) & set(b"\r\n\0") and v.isascii() for _, v in mutated)
            if carried and (sorted(mutated) != sorted(signed) or changed != body):
                break
        return await zendesk.post_raw(mutated + rest, changed)

    statuses: Counter[int] = Counter()
    for _ in range(50):
        statuses.update(await asyncio.gather(*[forge() for _ in range(100)]))

    assert sum(statuses.values()) == 5_000
    assert set(statuses) <= {400, 401}, statuses  # 400: control characters, which never reach the verifier
    assert statuses[401] > 4_500
    assert rows(owner_url) == []
    assert receiver.count("stored") == 0


async def test_the_secret_of_another_tenant_opens_nothing(
    receiver: ReceiverThread, database: Database, owner_url: str
) -> None:
    tenants = [f"tenant-{n}" for n in range(4)]
    tokens = {t: await add_connection(database, t, secret=f"secret of {t}") for t in tenants}
    statuses = {}
    for at in tenants:
        async with sender(receiver.url, tokens[at]) as sending:
            for by in tenants:
                sending.secret, sending.account = f"secret of {by}", at.removeprefix("tenant-")
                statuses[at, by] = await sending.send(tenants.index(by))

    assert statuses == {(at, by): 200 if at == by else 401 for at in tenants for by in tenants}
    assert sorted(row[0] for row in rows(owner_url)) == tenants


async def test_an_event_of_another_account_is_refused(zendesk: Sender, owner_url: str) -> None:
    assert await zendesk.send(1) == 200  # settles whose address this is
    zendesk.account = "666"

    assert await zendesk.send(2) == 401
    body = json.dumps({"type": "zen:event-type:user.created", "account_id": 666, "id": "1"}).encode()
    zendesk.account = "12514403"
    assert await zendesk.post(zendesk.signed(body, "x"), body) == 401
    assert len(rows(owner_url)) == 1


async def test_a_rotated_secret_is_good_at_once_and_the_old_one_for_a_day(
    zendesk: Sender, database: Database, owner_url: str
) -> None:
    assert await zendesk.send(1) == 200
    await accept_secret(database, vault_of(database), "acme", "desk", Secret("new"), webhook="tickets")
    await accept_secret(database, vault_of(database), "acme", "desk", Secret("other"), webhook="users")
    await asyncio.sleep(0.3)

    statuses: dict[str, int] = {}
    for zendesk.secret in ("new", "other", SECRET, "never"):
        statuses[zendesk.secret] = await zendesk.send(len(statuses) + 2)

    assert statuses == {"new": 200, "other": 200, SECRET: 200, "never": 401}
    assert len(rows(owner_url)) == 4
    async with database.tenant("acme") as conn:
        await conn.execute("update secret set updated_at = now() - interval '25 hours' where name like '%.previous'")
    with ReceiverThread(database.url) as fresh:
        zendesk.url, zendesk.secret = fresh.url, SECRET
        assert await zendesk.send(9) == 401


async def test_an_address_that_is_taken_away_or_unknown_is_refused_like_a_forgery(
    zendesk: Sender, database: Database, receiver: ReceiverThread
) -> None:
    headers, body = zendesk.trigger(1)
    forged = [(name, b"no" if b"signature" in name else value) for name, value in headers]
    answers = []
    for token, sent in ((zendesk.token, forged), ("A" * 22, headers), ("A" * 22, forged)):
        named = {name.decode(): value.decode() for name, value in sent}
        async with zendesk.http.post(f"{receiver.url}/hooks/{token}", headers=named, data=body) as answer:
            answers.append((answer.status, await answer.read(), {n.lower() for n in answer.headers}))

    assert answers == [(401, b"", {"content-length", "date", "connection"})] * 3
    await remove_endpoint(database, "acme", "desk")
    with ReceiverThread(database.url) as fresh:
        zendesk.url = fresh.url
        assert await zendesk.post(headers, body) == 401


async def test_what_was_taken_away_in_a_quiet_hour_is_refused_at_once(
    zendesk: Sender, database: Database, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "_FRESH_SECONDS", 0.2)
    monkeypatch.setattr(directory, "_RENEWED_SECONDS", 0.1)
    assert await zendesk.send(1) == 200
    await remove_endpoint(database, "acme", "desk")
    await asyncio.sleep(0.3)  # the hour

    assert await asyncio.gather(*[zendesk.send(n) for n in range(2, 7)]) == [401] * 5
    assert len(rows(owner_url)) == 1


async def test_a_stale_delivery_is_refused(zendesk: Sender, owner_url: str) -> None:
    body = b'{"ticket_id": "1"}'

    assert await zendesk.post(zendesk.signed(body, "x", time.time() - 310), body) == 401
    assert rows(owner_url) == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff{}", b"{", b"[" * 100_000, b'"text"', b"\x1f\x8b\x08\0\0\0\0\0\0\xff"]
)
async def test_signed_but_unreadable_is_refused(zendesk: Sender, owner_url: str, body: bytes) -> None:
    assert await zendesk.post(zendesk.signed(body, "x"), body) == 401
    assert rows(owner_url) == []


async def test_signed_but_unknown_is_kept(zendesk: Sender, database: Database) -> None:
    for n, body in enumerate(
        (b"{}", b'{"type": 7}', b'{"ticket_id": {"x": 1}}', b'{"type":"zen:event-type:a.b","subject":1}')
    ):
        assert await zendesk.post(zendesk.signed(body, f"u{n}"), body) == 200
    async with database.tenant("acme") as conn:
        kinds = await (await conn.execute("select kind, object_key from inbox order by id")).fetchall()

    assert kinds == [("unknown", ""), ("unknown", ""), ("unknown", ""), ("a.b", "")]


async def test_nothing_of_a_body_is_logged_nor_a_token(zendesk: Sender, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = b'{"ticket_id": "canary-4711", "x": "canary-4711'

    await zendesk.post(zendesk.signed(body, "canary-4711"), body)
    await zendesk.post(zendesk.signed(body, "canary-4711", 0), body)
    await zendesk.post(zendesk.signed(body + b'"}', "canary-4711"), body + b'"}')

    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith(("ml_connector", "uvicorn")))
    assert "refused" in ours
    assert "canary" not in ours
    assert zendesk.token not in ours


async def test_a_flood_of_forgeries_does_not_fill_the_disk_with_lines(
    database: Database, tmp_path: Path, token: str
) -> None:
    lines, started = tmp_path / "stderr", time.monotonic()
    with lines.open("w") as stderr, receiver_process(database.url, stderr=stderr) as (url, _):
        async with sender(url, token) as zendesk:
            zendesk.secret = "forged"
            for n in range(300):
                await asyncio.gather(zendesk.send(n), zendesk.post_raw([(b"\0", b"")], b""))
            await asyncio.sleep(1.1)
            await zendesk.send(300)
    most = 12 + time.monotonic() - started
    said = lines.read_text()
    refused = said.count("refused: acme/desk: the signature does not fit")
    left_out = sum(map(int, re.findall(r"refused: .*\(and (\d+) like this before\)", said)))

    assert refused + left_out == 301
    assert refused < most
    assert said.count("Invalid HTTP request") < most


async def test_who_sends_more_than_allowed_is_asked_to_wait(token: str, database: Database) -> None:
    with ReceiverThread(database.url, limits=replace(PATIENT, events_per_second=0.001, burst=3)) as running:
        async with sender(running.url, token) as sending:
            statuses = [await sending.send(n) for n in range(5)]

    assert statuses == [200, 200, 200, 429, 429]


async def test_operators_see_health_and_figures(zendesk: Sender, receiver: ReceiverThread) -> None:
    await zendesk.send(1)
    texts = {}
    for path in ("healthz", "readyz", "metrics"):
        async with zendesk.http.get(f"{receiver.url}/{path}") as answer:
            texts[path] = (answer.status, await answer.text())

    assert texts["healthz"][0] == texts["readyz"][0] == 200
    assert 'ml_connector_deliveries_total{outcome="stored"} 1.0' in texts["metrics"][1]
    assert "acme" not in texts["metrics"][1]
