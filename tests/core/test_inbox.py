"""Events are handed out oldest first and in order per object, until they are settled; none is forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ml_connector.core.db import Database
from ml_connector.core.errors import LeaseLost
from ml_connector.core.ids import uuid7
from ml_connector.core.inbox import Inbox, place, release
from ml_connector.core.inbox_writer import Arrival, insert
from ml_connector.core.lease import leased
from ml_connector.core.listeners import bells, listen, sweep
from ml_connector.core.vault import Vault
from ml_connector.core.webhooks import Event

STREAM = "oracle_zendesk/ticket_events"


async def arrive(db: Database, vault: Vault, *events: tuple[str, str], tenant: str = "acme") -> None:
    """Store (event id, object key) pairs in one transaction, past the check of the server's durability."""
    sealer = await vault.sealer(tenant, "body")
    arrivals = [
        Arrival(
            tenant,
            "desk",
            Event(event_id, "ticket.changed", object_key, b""),
            sealer.seal(*place("desk", event_id), f"body of {event_id}".encode()),
        )
        for event_id, object_key in events
    ]
    async with db.system() as conn:
        await insert(conn, arrivals)


@asynccontextmanager
async def opened(db: Database, vault: Vault, ttl: float = 30) -> AsyncIterator[Inbox]:
    sealer = await vault.sealer("acme", "body")
    async with leased(db, "acme", [STREAM], holder="test", ttl=ttl) as lease:
        yield Inbox(db, sealer, lease, "acme", STREAM, uuid7())


async def states(db: Database) -> dict[str, tuple[str, str | None]]:
    async with db.tenant("acme") as conn:
        found = await (await conn.execute("select event_id, state, reason from inbox order by id")).fetchall()
    return {row[0]: (row[1], row[2]) for row in found}


async def test_events_come_in_order_until_they_are_settled(database: Database, vault: Vault) -> None:
    await listen(database, "acme", STREAM, "desk", "flow/acme")
    await arrive(database, vault, *[(f"e{n}", f"ticket:{n % 2}") for n in range(5)])
    await arrive(database, vault, ("e9", "ticket:9"), tenant="globex")

    async with opened(database, vault) as inbox:
        first = await inbox.take(3)
        assert [(event.event_id, event.body) for event in first] == [(f"e{n}", b"body of e%d" % n) for n in range(3)]
    async with opened(database, vault) as inbox:  # the process of before has died: nothing was settled
        again = await inbox.take(3)
        assert [(event.event_id, event.attempts) for event in again] == [("e0", 2), ("e1", 2), ("e2", 2)]
        await inbox.done(again[:2])
        await inbox.reject(again[2], "no such ticket")
        assert [event.event_id for event in await inbox.take(10)] == ["e3", "e4"]

    assert await states(database) == {
        "e0": ("done", None),
        "e1": ("done", None),
        "e2": ("rejected", "no such ticket"),
        "e3": ("pending", None),
        "e4": ("pending", None),
    }


async def test_while_an_event_is_put_off_the_later_ones_of_its_object_wait(database: Database, vault: Vault) -> None:
    await listen(database, "acme", STREAM, "desk", "flow/acme")
    await arrive(database, vault, ("a1", "ticket:a"), ("b1", "ticket:b"), ("a2", "ticket:a"), ("u1", ""), ("u2", ""))

    async with opened(database, vault) as inbox:
        taken = {event.event_id: event for event in await inbox.take(10)}
        await inbox.put_off([taken["a1"]], "Oracle is down", 3600)
        await inbox.put_off([taken["u1"]], "Oracle is down", 3600)
        assert [event.event_id for event in await inbox.take(10)] == ["b1", "u2"]
        async with database.tenant("acme") as conn:  # an hour passes
            await conn.execute("update inbox set due_at = due_at - interval '1 hour'")
        assert [event.event_id for event in await inbox.take(10)] == ["a1", "b1", "a2", "u1", "u2"]


async def test_what_was_rejected_or_put_off_comes_again_when_a_person_says_so(database: Database, vault: Vault) -> None:
    await listen(database, "acme", STREAM, "desk", "flow/acme")
    await arrive(database, vault, ("e1", "ticket:1"), ("e2", "ticket:2"), ("e3", "ticket:3"))
    async with opened(database, vault) as inbox:
        one, two, three = await inbox.take(10)
        await inbox.reject(one, "no such ticket")
        await inbox.put_off([two], "it cannot be read", 60)
        await inbox.done([three])
        assert await release(database, "acme", [one.id, two.id, three.id]) == 2
        assert [event.event_id for event in await inbox.take(10)] == ["e1", "e2"]


async def test_events_that_nobody_hears_are_kept_for_who_listens_later(database: Database, vault: Vault) -> None:
    await arrive(database, vault, ("e1", "ticket:1"), ("e2", "ticket:2"))
    assert await sweep(database, "acme") == 0
    await listen(database, "acme", STREAM, "desk", "flow/acme")
    await listen(database, "acme", "qad_zendesk/ticket_events", "desk", "other/acme")

    assert [await sweep(database, "acme") for _ in range(2)] == [4, 4]
    assert sorted(bell.stream for bell in await bells(database, "acme")) == [STREAM, "qad_zendesk/ticket_events"]
    async with opened(database, vault) as inbox:
        events = await inbox.take(10)
    assert [event.body for event in events] == [b"body of e1", b"body of e2"]


async def test_a_body_opens_in_its_own_row_only_and_one_that_does_not_holds_up_no_other(
    database: Database, vault: Vault
) -> None:
    await listen(database, "acme", STREAM, "desk", "flow/acme")
    await arrive(database, vault, ("e1", "ticket:1"), ("e2", "ticket:2"))
    async with database.tenant("acme") as conn:
        await conn.execute("update inbox set envelope = (select envelope from inbox where event_id = 'e2')")

    async with opened(database, vault) as inbox:
        assert [event.body for event in await inbox.take(1)] == [b"body of e2"]
    state, reason = (await states(database))["e1"]
    assert (state, "e1 of tenant acme was altered or belongs to another row" in str(reason)) == ("rejected", True)


async def test_who_has_lost_the_lease_settles_nothing(database: Database, vault: Vault) -> None:
    await listen(database, "acme", STREAM, "desk", "flow/acme")
    await arrive(database, vault, ("e1", "ticket:1"))
    async with opened(database, vault) as inbox:
        events = await inbox.take(1)
        async with database.tenant("acme") as conn:
            await conn.execute("update lease set until = clock_timestamp()")
        with pytest.raises(LeaseLost):
            await inbox.done(events)

    assert (await states(database))["e1"] == ("pending", None)


async def test_tenants_do_not_see_each_others_events(database: Database, vault: Vault) -> None:
    for tenant in ("acme", "globex"):
        await listen(database, tenant, STREAM, "desk", f"flow/{tenant}")
        await arrive(database, vault, (f"e-{tenant}", "ticket:1"), tenant=tenant)

    assert [bell.deployment for bell in await bells(database, "acme")] == ["flow/acme"]
    assert list(await states(database)) == ["e-acme"]
    async with database.tenant("acme") as conn:
        assert (await conn.execute("update inbox set state = 'done'")).rowcount == 1


async def test_a_stream_is_not_woken_for_objects_that_it_does_not_want(database: Database, vault: Vault) -> None:
    users = "oracle_zendesk/contact_drift"
    await arrive(database, vault, ("e1", "user:1"), ("e2", "ticket:2"))  # while nobody listens
    await listen(database, "acme", STREAM, "desk", "flow/acme", "ticket")
    await listen(database, "acme", users, "desk", "flow/acme", "user")
    await arrive(database, vault, ("e3", "user:3"), ("e4", "ticket:4"), ("e5", ""), ("e6", "organization:6"))
    await sweep(database, "acme")

    async with database.tenant("acme") as conn:
        rows = await (await conn.execute("select stream, event_id from inbox where state = 'pending'")).fetchall()
        settled = await conn.execute("select event_id, reason from inbox where state = 'done' and stream = ''")
        told = dict(await settled.fetchall())
    assert sorted(rows) == sorted([(users, e) for e in ("e1", "e3", "e5")] + [(STREAM, e) for e in ("e2", "e4", "e5")])
    assert told["e6"] == "no stream listens to events of such objects"
