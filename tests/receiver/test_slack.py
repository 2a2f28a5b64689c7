"""Slack's deliveries over real HTTP: the challenge that proves an address, and events of one app in one workspace."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import psycopg

from ml_connector.core.db import Database
from ml_connector.core.endpoints import accept_secret, assign_account, ensure_endpoint
from ml_connector.core.listeners import listen
from ml_connector.core.secret import Secret
from tests.connectors.slack_workspace import PROCUREMENT, workspace
from tests.receiver import signing
from tests.receiver.running import ReceiverThread, rows, until, vault_of

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
CHALLENGE = {"type": "url_verification", "token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"}


def archived(team: str = "T1", event_id: str = "Ev1") -> dict[str, Any]:
    event = {"type": "channel_archive", "channel": "C1", "user": "U1", "event_ts": "1.000005"}
    return {
        "type": "event_callback", "team_id": team, "api_app_id": "A1", "event": event, "event_id": event_id,
        "event_time": 1,
    }  # fmt: skip


async def post(url: str, body: dict[str, Any], secret: str = SECRET, **headers: str) -> tuple[int, str]:
    raw = json.dumps(body).encode()
    signed = {name.decode(): value.decode() for name, value in signing.slack(secret, time.time(), raw)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=raw, headers={**signed, **headers, "content-type": "application/json"}) as answer,
    ):
        return answer.status, await answer.text()


async def test_slack_proves_an_address_and_sends_events_there(
    database: Database, receiver: ReceiverThread, owner_url: str
) -> None:
    vault = vault_of(database)
    token = await ensure_endpoint(database, vault, "acme", "slack", "slack")
    await accept_secret(database, vault, "acme", "slack", Secret(SECRET), webhook="app")
    await assign_account(database, "acme", "slack", "T1/A1")
    await listen(database, "acme", "oracle_slack/events", "slack", "oracle-slack-events/acme")
    url = f"{receiver.url}/hooks/{token.reveal()}"

    assert await post(url, CHALLENGE) == (200, CHALLENGE["challenge"])
    assert await post(url, CHALLENGE, secret="another") == (401, "")
    assert await post(url, archived()) == (200, "")
    assert await post(url, archived(), **{"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}) == (
        200,
        "",
    )
    assert await post(url, archived(team="T2", event_id="Ev2")) == (401, "")

    with psycopg.connect(owner_url) as connection:
        stored = connection.execute("select event_id, kind, object_key from inbox").fetchall()
    assert stored == [("Ev1", "channel_archive", "channel:C1")]


async def test_one_address_serves_all_workspaces_of_an_app(
    database: Database, receiver: ReceiverThread, owner_url: str
) -> None:
    vault, urls = vault_of(database), []
    for tenant, account, secret in (
        ("acme", "T1/A1", SECRET),
        ("omega", None, SECRET),  # whose address was shown, before `apply` has asked Slack for its workspace
        ("beta", "T2/A1", SECRET),
        ("gamma", "T2/A1", "another app's, whatever its file says"),
        ("delta", "T2/A2", SECRET),
    ):
        token = await ensure_endpoint(database, vault, tenant, "slack", "slack")
        if account is not None:
            await assign_account(database, tenant, "slack", account)
        await accept_secret(database, vault, tenant, "slack", Secret(secret), webhook="app")
        urls.append(f"{receiver.url}/hooks/{token.reveal()}")

    acme, omega, beta, *_ = urls
    assert await post(acme, archived(team="T1", event_id="Ev1")) == (200, "")
    assert await post(omega, archived(team="T2", event_id="Ev2")) == (200, "")
    assert await post(acme, archived(team="T2", event_id="Ev2")) == (200, "")
    assert await post(beta, archived(team="T2", event_id="Ev2")) == (200, "")
    assert await post(beta, archived(team="T1", event_id="Ev3")) == (200, "")
    assert await post(acme, archived(team="T3", event_id="Ev4")) == (401, "")
    assert await post(omega, archived(team="T3", event_id="Ev4")) == (401, "")

    with psycopg.connect(owner_url) as connection:
        stored = connection.execute("select tenant, event_id from inbox order by event_id").fetchall()
    assert stored == [("acme", "Ev1"), ("beta", "Ev2"), ("acme", "Ev3")]


async def test_the_sandbox_sends_what_slack_sends(database: Database, receiver: ReceiverThread, owner_url: str) -> None:
    token = await ensure_endpoint(database, vault_of(database), "acme", "slack", "slack")
    await assign_account(database, "acme", "slack", "T0SANDBOX1/A0SANDBOX1")
    await listen(database, "acme", "oracle_slack/events", "slack", "oracle-slack-events/acme")
    with workspace() as slack:
        slack.configure(
            events_url=f"{receiver.url}/hooks/{token.reveal()}", signing_secret=SECRET, event_retry_seconds=(0.1, 0.1)
        )
        async with slack.client() as client:
            await client.me()  # it is served: events go out from now on
        slack.channel(PROCUREMENT, name="purchasing")
        await until(lambda: slack.emulator.state("events")[0]["dropped"])
        assert rows(owner_url) == [], "an address that does not know the signing secret is not used"

        await accept_secret(database, vault_of(database), "acme", "slack", Secret(SECRET), webhook="app")
        await asyncio.sleep(1.5)  # the receiver looks again after 0.3 s; Slack tries three times only
        slack.channel(PROCUREMENT, is_archived=True)
        slack.emulator.mutate("events", {"send": {"type": "app_uninstalled"}, "copies": 3})
        await until(lambda: len(rows(owner_url)) == 2 and all(d["answers"] for d in slack.emulator.state("events")[1:]))
        answers = [delivery["answers"] for delivery in slack.emulator.state("events")]

    assert answers == [[], [200], [200], [200], [200]]
    with psycopg.connect(owner_url) as connection:
        stored = connection.execute("select kind, object_key from inbox order by kind").fetchall()
    assert stored == [("app_uninstalled", "team:T0SANDBOX1"), ("channel_archive", f"channel:{PROCUREMENT}")]
