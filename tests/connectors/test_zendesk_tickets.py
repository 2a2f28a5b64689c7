"""Tickets and contact users as sources: by incremental export and singly, over real HTTP to the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from connectors.zendesk.contact_users import ContactUsers
from connectors.zendesk.field_setup import ensure_ticket_fields
from connectors.zendesk.models import ContactUser, CustomerTicket, Ticket, TicketFields
from connectors.zendesk.ticket_fields import TicketFieldsDestination
from connectors.zendesk.tickets import Tickets
from connectors.zendesk.users import Users
from ml_connector.core import jsonx
from ml_connector.core.mapping import compile_mapping, load_mapping
from ml_connector.core.records import EventSource, Intent, SourceRecord, Window
from ml_connector.core.settings import settings
from tests.connectors.delivering import upsert
from tests.connectors.zendesk_account import Account, Permits, account, intent

DAY = timedelta(days=1)


@pytest.fixture
def zendesk() -> Iterator[Account]:
    with account() as opened:
        opened.configure(export_excludes_seconds=0)
        yield opened


async def read(source: EventSource, cursor: str | None = None) -> tuple[list[SourceRecord], str | None]:
    """All records from a day ago, or behind a cursor; and the cursor to go on from."""
    now = datetime.now(UTC)
    records: list[SourceRecord] = []
    async for page in source.read(Window(now - DAY, now), cursor):
        records += page.records
        cursor = page.cursor
    return records, cursor


def by_id(records: list[SourceRecord]) -> dict[str, bytes]:
    assert len({record.source_id for record in records}) == len(records)
    return {record.source_id: jsonx.dumps([record.body, record.modified_at]) for record in records}


async def test_an_export_and_a_lookup_give_the_same_bytes_and_fit_the_model(zendesk: Account) -> None:
    acme = zendesk.by_hand("organizations", name="Acme", external_id="erp-1")
    zendesk.emulator.seed("tickets", 4, 1)
    hand = zendesk.emulator.mutate
    hand("tickets", {"keys": ["2"], "set": {"status": "solved"}, "comment": "It is repaired."})
    hand("tickets", {"keys": ["2"], "comment": {"body": "He was angry.", "public": False}})
    hand("tickets", {"keys": ["3"], "set": {"custom_fields": [{"id": 36, "value": "x"}], "tags": ["b", "A"]}})
    hand("tickets", {"keys": ["4"], "delete": True})
    async with zendesk.client() as client:
        source = Tickets(client)
        exported, _ = await read(source)
        single = await source.lookup(["3", "2", "1", "4", "99", "x"])

    assert by_id(exported) == by_id(single)
    tickets = {record.source_id: Ticket.model_validate(record.body) for record in exported}
    assert tickets.keys() == {"1", "2", "3"}
    solved = tickets["2"]
    assert solved.last_public_comment is not None
    assert (solved.last_public_comment.body, solved.last_public_comment.author) == ("It is repaired.", "Sandbox Agent")
    assert (solved.assignee, solved.organization_id) == ("Sandbox Agent", str(acme["id"]))
    assert solved.requester is not None
    assert solved.requester.email == f"requester{acme['id']}@customer.example"
    assert (tickets["3"].custom_fields, tickets["3"].tags) == ({"36": "x"}, ["a", "b"])
    assert tickets["3"].last_public_comment is None
    assert solved.url.endswith("/agent/tickets/2")
    assert all(record.modified_at == tickets[record.source_id].updated_at for record in exported)


async def test_an_export_goes_on_from_its_cursor(zendesk: Account) -> None:
    zendesk.emulator.seed("tickets", 900, 1)
    async with zendesk.client() as client:
        source = Tickets(client)
        first, cursor = await read(source)
        nothing, same = await read(source, cursor)
        zendesk.emulator.mutate("tickets", {"keys": ["7"], "comment": "again"})
        zendesk.emulator.mutate("tickets", {"keys": ["8"], "delete": True})
        changed, later = await read(source, cursor)
        zendesk.emulator.mutate("tickets", {"keys": ["9"], "delete": True})
        pages = [page async for page in source.read(Window(None, datetime.now(UTC)), later)]
        zendesk.emulator.mutate("tickets", {"where": {"status": "open"}, "set": {"status": "hold"}})
        many, _ = await read(source, pages[-1].cursor)

    assert len(by_id(first)) == 900
    assert (nothing, same) == ([], cursor)
    assert [record.source_id for record in changed] == ["7"]
    assert [page.records for page in pages] == [[]]  # only what was deleted: the cursor moves all the same
    assert pages[0].cursor not in (cursor, later)
    assert by_id(many).keys() == {str(row["id"]) for row in zendesk.state("tickets") if row["status"] == "hold"}


async def test_a_first_export_of_an_account_without_changes_has_no_page(zendesk: Account) -> None:
    async with zendesk.client() as client:
        assert await read(Tickets(client)) == ([], None)


async def test_what_the_last_minute_hides_comes_with_the_next_export(zendesk: Account) -> None:
    zendesk.emulator.seed("tickets", 2, 1)
    zendesk.configure(export_excludes_seconds=60)
    async with zendesk.client() as client:
        source, now = Tickets(client), datetime.now(UTC)
        hidden = [page async for page in source.read(Window(now, now), None)]
        zendesk.configure(export_excludes_seconds=0)
        shown = [page async for page in source.read(Window(now, now + timedelta(seconds=5)), None)]

    assert hidden == []
    assert [len(page.records) for page in shown] == [2]


async def test_exports_keep_to_ten_calls_a_minute(zendesk: Account) -> None:
    permits = Permits()
    async with zendesk.client(limiter=permits) as client:
        await read(Tickets(client))
        await read(ContactUsers(client))

    limits = {limit.key: limit.per_minute for limit in permits.asked if limit.key.endswith(" incremental")}
    assert list(limits.values()) == [10]


def trigger(ticket: int, actor: Any) -> bytes:
    return json.dumps({"ticket_id": str(ticket), "actor_id": str(actor)}).encode()


async def test_only_events_of_others_about_a_ticket_that_is_there_concern_us(zendesk: Account) -> None:
    us = zendesk.state("users")[0]["id"]
    async with zendesk.client() as client:
        source = Tickets(client)
        by_us, by_them = trigger(1, us), trigger(1, 7)
        theirs = json.dumps({"detail": {"actor_id": "7"}}).encode()
        ours = json.dumps({"detail": {"actor_id": str(us)}}).encode()

        assert await source.concerns("ticket.changed", "ticket:1", by_them)
        assert await source.concerns("ticket.status_changed", "ticket:1", theirs)
        assert await source.concerns("ticket.status_changed", "ticket:1", b"{}")
        assert not await source.concerns("ticket.changed", "ticket:1", by_us)
        assert not await source.concerns("ticket.status_changed", "ticket:1", ours)
        assert not await source.concerns("ticket.soft_deleted", "ticket:1", theirs)
        assert not await source.concerns("user.name_changed", "user:1", theirs)
    assert zendesk.calls("GET", "/users/me") == 1


async def test_only_events_that_may_matter_to_the_erp_concern_its_contacts(zendesk: Account) -> None:
    contact, other, guest = (
        json.dumps({"detail": {"external_id": external_id}}).encode() for external_id in ("e:7", "other:8", "")
    )
    async with zendesk.client(external_id_prefix="e:") as client:
        source = ContactUsers(client)
        assert await source.concerns("user.name_changed", "user:1", contact)
        assert await source.concerns("user.name_changed", "user:1", b"{}")
        assert not await source.concerns("user.name_changed", "user:1", other)
        assert not await source.concerns("user.identity_created", "user:1", guest)
        assert not await source.concerns("user.last_login_changed", "user:1", contact)
        assert not await source.concerns("ticket.changed", "ticket:1", contact)


@pytest.mark.parametrize("side_loaded", [True, False])
async def test_an_address_that_was_added_is_one_of_the_users_addresses(zendesk: Account, side_loaded: bool) -> None:
    zendesk.configure(side_loads_identities=side_loaded)
    contact = {"external_id": "7", "name": "Ann", "email": "a@a.example"}
    async with zendesk.client() as client:
        (created,) = await upsert(Users(client), [intent(contact)])
        await upsert(Users(client), [intent({**contact, "email": "new@a.example"}, created.dest_id)])
        before = zendesk.calls("GET", "/users/{user_id}/identities")
        (record,) = await ContactUsers(client).lookup([str(created.dest_id)])

    assert (record.body["email"], record.body["emails"]) == ("a@a.example", ["a@a.example", "new@a.example"])
    assert zendesk.calls("GET", "/users/{user_id}/identities") - before == (0 if side_loaded else 1)


async def test_contact_users_are_those_with_an_external_id_of_this_connection(zendesk: Account) -> None:
    acme = zendesk.by_hand("organizations", name="Acme", external_id="e:1")
    zendesk.by_hand("users", name="Ann", email="a@a.example", external_id="e:7", organization_id=acme["id"])
    zendesk.by_hand("users", name="Guest", email="g@a.example")
    zendesk.by_hand("users", name="Other", email="o@a.example", external_id="other:8")
    gone = zendesk.by_hand("users", name="Gone", email="x@a.example", external_id="e:9")
    zendesk.emulator.mutate("users", {"keys": ["e:9"], "delete": True})
    async with zendesk.client(external_id_prefix="e:") as client:
        source = ContactUsers(client)
        exported, cursor = await read(source)
        ids = [str(user["id"]) for user in zendesk.state("users")]
        single = await source.lookup([*ids, str(gone["id"])])
        zendesk.emulator.mutate("users", {"keys": ["e:7"], "set": {"name": "Anna"}})
        changed, _ = await read(source, cursor)

    assert by_id(exported) == by_id(single)
    (ann,) = (ContactUser.model_validate(record.body) for record in exported)
    assert (ann.external_id, ann.email, ann.organization_external_id) == ("7", "a@a.example", "1")
    assert [record.body["name"] for record in changed] == ["Anna"]


async def test_ticket_fields_that_are_yet_to_be_created_are_there_for_a_preview(zendesk: Account) -> None:
    zendesk.emulator.seed("tickets", 1, 1)
    (ticket,) = zendesk.state("tickets")
    file = settings().mappings_dir / "qad_zendesk" / "tickets.yaml"
    mapping = compile_mapping(load_mapping(file), CustomerTicket, TicketFields)
    payload = {"id": str(ticket["id"]), "ticket_fields": {"qad_customer": "10C1000"}}
    wanted = Intent(uuid4(), str(ticket["id"]), payload, None)
    async with zendesk.client() as client:
        missing = await ensure_ticket_fields(client, mapping.custom_fields["ticket_fields"], preview=True)
        (foreseen,) = await TicketFieldsDestination(client, mapping).decide([wanted], preview=True)
    written = zendesk.writes()
    async with zendesk.client() as client:
        created = await ensure_ticket_fields(client, mapping.custom_fields["ticket_fields"])
        (decision,) = await TicketFieldsDestination(client, mapping).decide([wanted])

    assert (missing, written) == (["QAD customer"], 0)
    assert created == missing
    assert foreseen.changed == ("ticket_fields.qad_customer",)
    assert foreseen == decision
