"""Webhooks and trigger are made, mended and taken away, and what they send arrives signed: over real HTTP both ways."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.zendesk.errors import Forbidden
from connectors.zendesk.webhook_setup import ensure_webhooks, remove_webhooks, webhook_findings
from ml_connector.core.errors import Misconfigured
from ml_connector.core.secret import Secret
from tests.connectors.zendesk_account import Account, account
from tests.connectors.zendesk_listener import Listener, listener, until


@pytest.fixture
def zendesk() -> Iterator[Account]:
    with account() as opened:
        opened.configure(webhook_retry_seconds=0.01)
        yield opened


async def set_up(zendesk: Account, heard: Listener) -> list[str]:
    async with zendesk.client() as client:
        return await ensure_webhooks(client, heard.address, heard.accept)


async def findings(zendesk: Account, address: Secret) -> list[tuple[bool, str]]:
    async with zendesk.client() as client:
        return [(finding.ok, finding.what) for finding in await webhook_findings(client, address)]


def webhook(zendesk: Account, name: str) -> dict[str, Any]:
    (found,) = [row for row in zendesk.state("webhooks") if row["name"] == f"ml-connector: {name}"]
    return found


async def test_set_up_once_and_never_again_and_taken_away(zendesk: Account) -> None:
    async with listener() as heard:
        first = await set_up(zendesk, heard)
        writes = zendesk.writes()
        again = await set_up(zendesk, heard)
        in_order = await findings(zendesk, heard.address)
        rows = zendesk.state("webhooks")
        async with zendesk.client() as client:
            await remove_webhooks(client, heard.address)

    assert len(first) == 3
    assert (again, zendesk.effects()["webhook.created"]) == ([], 2)
    assert writes == 5  # two webhooks and a trigger created, both switched on
    assert [row["status"] for row in rows] == ["active", "active"]
    assert heard.secrets.keys() == {"tickets", "users"}
    assert [ok for ok, _ in in_order] == [True, True]
    assert (zendesk.state("webhooks"), zendesk.state("triggers")) == ([], [])


async def test_no_delivery_comes_before_its_secret_is_kept(zendesk: Account) -> None:
    async with listener() as heard:

        async def accept(name: str, secret: Secret) -> None:
            zendesk.emulator.seed("tickets", 1, 1)
            zendesk.emulator.mutate("users", {"where": {"role": "end-user"}, "set": {"name": f"Not yet {name}"}})
            await heard.accept(name, secret)

        async with zendesk.client() as client:
            await ensure_webhooks(client, heard.address, accept)
        await heard.come(1)
        await until(lambda: all(row["answers"] for row in zendesk.state("deliveries")))

    # nothing of the first time, and of the second what the webhook sends that is known by then
    assert [row["answers"] for row in zendesk.state("deliveries")] == [[200]]


@pytest.mark.parametrize(
    ("collection", "change", "done"),
    [
        ("webhooks", {"set": {"status": "inactive"}}, "it was switched off"),
        ("webhooks", {"set": {"endpoint": "https://old.example/hooks/c2FuZGJveC1saXN0ZW5lcg"}}, "it sent elsewhere"),
        ("triggers", {"set": {"active": False}}, "it is switched off"),
        ("triggers", {"set": {"conditions": {"all": [{"field": "status", "value": "open"}]}}}, "other conditions"),
        ("triggers", {"delete": True}, "created the trigger"),
    ],
)
async def test_what_people_or_zendesk_have_changed_is_found_and_mended(
    zendesk: Account, collection: str, change: dict[str, Any], done: str
) -> None:
    async with listener() as heard:
        await set_up(zendesk, heard)
        zendesk.emulator.mutate(collection, change)
        found = await findings(zendesk, heard.address)
        mended = await set_up(zendesk, heard)
        after = await findings(zendesk, heard.address)
        again = await set_up(zendesk, heard)
        zendesk.emulator.seed("tickets", 1, 1)
        await heard.come(1)

    assert not all(ok for ok, _ in found)
    assert all(done in line for line in mended)
    assert mended
    assert all(ok for ok, _ in after)
    assert again == []


async def test_a_webhook_that_was_deleted_is_made_anew_and_others_are_left_alone(zendesk: Account) -> None:
    async with listener() as heard, listener() as other:
        other.address = Secret(other.address.reveal() + "-2")
        await set_up(zendesk, heard)
        await set_up(zendesk, other)
        before = {row["id"] for row in zendesk.state("webhooks")}
        mine = webhook_ids(zendesk, heard)
        zendesk.emulator.mutate("triggers", {"keys": [str(zendesk.state("triggers")[0]["id"])], "delete": True})
        zendesk.emulator.mutate("webhooks", {"keys": list(mine), "delete": True})
        done = await set_up(zendesk, heard)

    after = {row["id"] for row in zendesk.state("webhooks")}
    assert len(done) == 3
    assert after & before == before - mine
    assert len(zendesk.state("triggers")) == 2


def webhook_ids(zendesk: Account, heard: Listener) -> set[str]:
    return {row["id"] for row in zendesk.state("webhooks") if row["endpoint"] == heard.address.reveal()}


async def test_a_trigger_that_a_person_has_made_for_our_webhook_stays_as_it_is(zendesk: Account) -> None:
    async with listener() as heard:
        await set_up(zendesk, heard)
        (ours,) = zendesk.state("triggers")
        solved = {"all": [{"field": "status", "operator": "is", "value": "solved"}], "any": []}
        theirs = {"title": "Escalate", "conditions": solved, "actions": ours["actions"]}
        zendesk.emulator.mutate("triggers", {"set": theirs})
        (made,) = zendesk.state("triggers")
        async with zendesk.client() as client:
            done = await set_up(zendesk, heard)
            again = await set_up(zendesk, heard)
            both = zendesk.state("triggers")
            with pytest.raises(Misconfigured, match=str(made["id"])):
                await remove_webhooks(client, heard.address)

    assert (done, again) == ([f"created the trigger `{ours['title']}`"], [])
    assert made in both
    assert made in zendesk.state("triggers")


async def test_only_an_admin_can_set_up_webhooks(zendesk: Account) -> None:
    zendesk.configure(role="agent")
    async with listener() as heard:
        with pytest.raises(Forbidden, match="must be an admin"):
            await set_up(zendesk, heard)


async def test_events_of_tickets_and_users_arrive_signed_and_say_who_did_it(zendesk: Account) -> None:
    zendesk.emulator.seed("tickets", 1, 1)
    ann = zendesk.by_hand("users", name="Ann", email="a@a.example", external_id="7")
    async with listener() as heard:
        await set_up(zendesk, heard)
        agent = str(zendesk.state("tickets")[0]["submitter_id"])
        zendesk.emulator.mutate("tickets", {"keys": ["1"], "set": {"status": "solved"}, "comment": "Done."})
        zendesk.emulator.mutate("users", {"keys": ["7"], "set": {"name": "Anna"}})
        events = sorted(await heard.come(2), key=lambda event: event.kind)

    assert agent
    assert [(event.kind, event.object_key) for event in events] == [
        ("ticket.changed", "ticket:1"),
        ("user.name_changed", f"user:{ann['id']}"),
    ]
    by_agent = next(row for row in zendesk.state("users") if row["role"] == "agent")
    assert json.loads(events[0].body) == {"ticket_id": "1", "actor_id": str(by_agent["id"])}


async def test_a_delivery_is_repeated_as_zendesk_says_under_the_same_id(zendesk: Account) -> None:
    zendesk.emulator.seed("tickets", 1, 1)
    async with listener() as heard:
        await set_up(zendesk, heard)
        heard.answers.extend([409, 409, 409, 409, (503, "0"), (429, "0"), 200, (503, "60"), 500])
        for _ in range(4):
            await change_and_wait(zendesk)

    answers = [row["answers"] for row in zendesk.state("deliveries")]
    assert answers == [[409] * 4, [503, 429, 200], [503], [500]]
    assert len({event.event_id for event in heard.events}) == 4


async def change_and_wait(zendesk: Account) -> None:
    zendesk.emulator.mutate("tickets", {"keys": ["1"], "comment": "again"})
    await until(lambda: all(row["status"] != "pending" for row in zendesk.state("deliveries")))


async def test_failures_and_silence_are_told(zendesk: Account) -> None:
    zendesk.emulator.seed("tickets", 1, 1)
    async with listener() as heard:
        await set_up(zendesk, heard)
        heard.answers.append(500)
        await change_and_wait(zendesk)
        found = await findings(zendesk, heard.address)

    assert [(ok, what.partition(";")[2]) for ok, what in found] == [
        (False, " of its last 1 deliveries 1 failed (terminated)"),
        (True, " of its last 0 deliveries 0 failed"),
    ]
    assert heard.address.reveal() not in str(found)


async def test_a_storm_of_duplicates_out_of_order_and_once_more_tomorrow(zendesk: Account) -> None:
    zendesk.emulator.seed("tickets", 2, 1)
    async with listener() as heard:
        await set_up(zendesk, heard)
        zendesk.configure(webhook_duplicates=20, webhook_shuffle=0.3)
        zendesk.emulator.mutate("tickets", {"count": 2, "comment": "again"})
        await heard.come(40)
        order = [event.object_key for event in heard.events]
        zendesk.emulator.mutate("deliveries", {"again": 1})
        await heard.come(41)
        zendesk.configure(webhook_duplicates=1, webhook_drop=1.0)
        zendesk.emulator.mutate("tickets", {"count": 2, "comment": "lost"})
        sent = {"success": 41, "dropped": 2}
        await until(lambda: Counter(row["status"] for row in zendesk.state("deliveries")) == sent)

    assert sorted(order) != order
    assert len(heard.events) == 41
    assert len({event.event_id for event in heard.events}) == 2
