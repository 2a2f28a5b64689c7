"""Notes, attachments and custom attributes of customers: once per effect, whatever is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.oracle_fusion.appending import Appended
from connectors.oracle_fusion.attachments import Attachments
from connectors.oracle_fusion.comparing import same_phone, same_text
from connectors.oracle_fusion.contact_check import ContactChecks
from connectors.oracle_fusion.customer_fields import CustomerAttributes, require_attributes
from connectors.oracle_fusion.notes import Notes
from connectors.oracle_fusion.payloads import CustomerFields
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.errors import AbortRun, Misconfigured
from ml_connector.core.ids import uuid7
from ml_connector.core.records import Body, Destination, Intent, Outcome, State
from tests.connectors.delivering import send, send_into, upsert
from tests.connectors.oracle_pod import Pod
from tests.connectors.oracle_pod import running as running

TEXT = "Größe & <b>Preis</b>\r\n日本 'x'\n"
POST, PUT, LOOK = ("POST", "*/child/*"), ("PUT", "*/enclosure/*"), ("GET", "*/child/*")


@pytest.fixture
def fusion(running: Pod) -> Pod:
    running.anew()
    running.emulator.seed("customers", 12, 5)
    running.emulator.seed("contacts", 12, 5)
    return running


def note(fusion: Pod, customer: int = 0, **changes: Any) -> Body:
    party_id = str(fusion.held("customers")[customer]["PartyId"])
    return {"PartyId": party_id, "title": "Zendesk ticket 42", "text": TEXT} | changes


def intents(payloads: Sequence[Body]) -> list[Intent]:
    return [Intent(uuid7(), str(n), payload, None) for n, payload in enumerate(payloads)]


async def write(destination: Destination, payloads: Sequence[Body]) -> list[Outcome]:
    """One outcome per payload, in order."""
    return await upsert(destination, intents(payloads))


async def write_until_settled(destination: Destination, payloads: Sequence[Body]) -> list[Outcome]:
    """What the ledger makes of it: what is unclear is probed, and only what is certainly not there is sent again."""
    waiting, done = {intent.effect_id: intent for intent in intents(payloads)}, []
    while waiting:
        decisions = await destination.decide(list(waiting.values()))
        outcomes = await send(destination, decisions)
        while unclear := [o.effect_id for o in outcomes if o.state is State.AMBIGUOUS]:
            done += [o for o in outcomes if o.state is State.APPLIED]
            outcomes = [o for o in outcomes if o.state not in (State.AMBIGUOUS, State.APPLIED)]
            outcomes += await destination.probe([d for d in decisions if d.effect_id in unclear])
        done += [o for o in outcomes if o.state is not State.RETRY_WAIT]
        waiting = {o.effect_id: waiting[o.effect_id] for o in outcomes if o.state is State.RETRY_WAIT}
    return done


def texts(fusion: Pod, collection: str = "notes") -> list[str]:
    large = "NoteTxt" if collection == "notes" else "FileContents"
    return [row[large] for row in fusion.held(collection)]


@pytest.mark.parametrize(("kind", "collection"), [(Notes, "notes"), (Attachments, "attachments")])
@pytest.mark.parametrize(
    ("version", "encoding"), [(2, "base64"), (4, "plain"), (9, "base64")], ids=["v2", "v4-other-encoding", "v9"]
)
async def test_each_effect_is_one_row_with_its_text_whatever_is_lost(
    fusion: Pod, kind: type[Appended], collection: str, version: int, encoding: str
) -> None:
    for fault, (method, path) in [
        ("lose_response", POST),
        ("reset", POST),
        ("truncate", POST),
        ("html", POST),
        ("apply_then_status", POST),
        ("lose_response", PUT),
        ("apply_then_status", LOOK),
    ]:
        fusion.fault(fault, method, path, rate=0.15)
    payloads = [note(fusion, n % 5, text=f"{n} {TEXT}", title=f"Zendesk 'ticket' {n % 2}: 100% €") for n in range(25)]

    async with fusion.client(framework_version=version, note_encoding=encoding) as client:
        done = await write_until_settled(kind(client), payloads)

    assert {outcome.state for outcome in done} == {State.APPLIED}
    assert sorted(texts(fusion, collection)) == sorted(payload["text"] for payload in payloads)
    id_attribute = kind.id_attribute
    assert {o.dest_id for o in done} == {f"{r['PartyNumber']}/{r[id_attribute]}" for r in fusion.held(collection)}


async def test_a_note_whose_run_ended_before_its_text_was_put_gets_it(fusion: Pod) -> None:
    fusion.fault("reset", *PUT)
    async with fusion.client(note_encoding="plain") as client:
        notes = Notes(client)
        decisions = await notes.decide(intents([note(fusion)]))
        (unclear,) = await send(notes, decisions)
        garbled = texts(fusion)
        fusion.world.faults.clear()

        (found,) = await Notes(client).probe(decisions)
        (again,) = await Notes(client).probe(decisions)

    assert unclear.state is State.AMBIGUOUS
    assert garbled != [TEXT]
    assert found == again
    assert found.state is State.APPLIED
    assert found.dest_id == unclear.dest_id
    assert texts(fusion) == [TEXT]
    assert sum(effect.kind == "note.text" for effect in fusion.world.effects) == 1


@pytest.mark.parametrize(("encoding", "state"), [("base64", State.APPLIED), ("plain", State.NEEDS_HUMAN)])
async def test_a_garbled_text_that_cannot_be_put_right_is_for_a_person(
    fusion: Pod, encoding: str, state: State
) -> None:
    fusion.fault("status", *PUT, status=405)
    async with fusion.client(note_encoding=encoding) as client:
        (outcome,) = await write(Notes(client), [note(fusion)])

    assert outcome.state is state
    assert outcome.dest_id is not None


async def test_a_note_that_was_answered_with_its_id_is_not_made_again_though_no_list_shows_it(fusion: Pod) -> None:
    fusion.fault("reset", *PUT, times=10)
    async with fusion.client() as client:
        decisions = await Notes(client).decide(intents([note(fusion)]))
        (unclear,) = await send(Notes(client), decisions)
        fusion.world.faults.clear()
        nothing = {"items": [], "count": 0, "hasMore": False}
        fusion.fault("status", "GET", "*/child/Note", status=200, body=nothing, times=1)
        decisions[0].dest_id = unclear.dest_id
        (found,) = await Notes(client).probe(decisions)

    assert unclear.state is State.AMBIGUOUS
    assert (found.state, found.dest_id, texts(fusion)) == (State.APPLIED, unclear.dest_id, [TEXT])


async def test_a_note_that_is_not_shown_yet_is_no_matter_for_a_person(fusion: Pod) -> None:
    for call in (PUT, ("GET", "*/enclosure/*")):
        fusion.fault("status", *call, status=404, times=1)
    async with fusion.client(note_encoding="plain") as client:
        (outcome,) = await write_until_settled(Notes(client), [note(fusion)])

    assert (outcome.state, texts(fusion)) == (State.APPLIED, [TEXT])


async def test_two_versions_and_a_replay_are_notes_of_their_own_in_their_order(fusion: Pod) -> None:
    fusion.fault("delay", *POST, rate=0.5, seconds=0.03)
    payloads = [note(fusion, n % 2, text=str(n)) for n in range(12)]
    async with fusion.client() as client:
        outcomes = await write(Notes(client), payloads)
        linked = Intent(uuid7(), "0", payloads[0], outcomes[0].dest_id, force=True)
        (replayed,) = await send(Notes(client), await Notes(client).decide([linked]))

    assert {outcome.state for outcome in outcomes} == {State.APPLIED}
    assert replayed.state is State.APPLIED
    assert replayed.dest_id != outcomes[0].dest_id
    numbers = [fusion.held("customers")[n]["PartyNumber"] for n in (0, 1)]
    created = [[r["NoteTxt"] for r in fusion.held("notes") if r["PartyNumber"] == number] for number in numbers]
    assert created == [["0", "2", "4", "6", "8", "10", "0"], ["1", "3", "5", "7", "9", "11"]]


async def test_two_notes_of_one_effect_are_both_named_to_a_person(fusion: Pod) -> None:
    async with fusion.client() as client:
        decisions = await Notes(client).decide(intents([note(fusion)]))
        first, second = [(await send(Notes(client), decisions))[0] for _ in range(2)]
        (found,) = await Notes(client).probe(decisions)

    assert found.state is State.NEEDS_HUMAN
    assert found.reason is not None
    assert str(first.dest_id) in found.reason
    assert str(second.dest_id) in found.reason


async def test_a_pod_that_drops_the_titles_stops_the_run_after_one_note(fusion: Pod) -> None:
    fusion.emulator.configure({"keeps_titles": False})
    outcomes: list[Outcome] = []
    async with fusion.client() as client:
        decisions = await Notes(client).decide(intents([note(fusion, text=str(n)) for n in range(3)]))
        with pytest.raises(Misconfigured, match="NoteTitle"):
            await send_into(outcomes, Notes(client), decisions)

    assert [outcome.state for outcome in outcomes] == [State.APPLIED, State.RETRY_WAIT, State.RETRY_WAIT]
    assert texts(fusion) == ["0"]


async def test_a_missing_privilege_ends_the_run_and_nothing_is_in_doubt(fusion: Pod) -> None:
    fusion.emulator.configure({"may_write": False, "custom_attributes": {"Tickets_c": "integer"}})
    fields = {"PartyId": note(fusion)["PartyId"], "fields": {"Tickets_c": 1}}
    async with fusion.client() as client:
        for destination, payload in ((Notes(client), note(fusion)), (CustomerAttributes(client), fields)):
            outcomes: list[Outcome] = []
            decisions = await destination.decide(intents([payload]))
            with pytest.raises(Misconfigured, match="privilege"):
                await send_into(outcomes, destination, decisions)
            assert [outcome.state for outcome in outcomes] == [State.RETRY_WAIT]
    assert fusion.world.effects == []


async def test_customers_that_are_gone_reject_their_record_and_lost_data_access_stops_the_run(fusion: Pod) -> None:
    gone = fusion.held("customers")[3]
    async with fusion.client() as client:
        payloads = [note(fusion, 3), note(fusion, 1), note(fusion) | {"PartyId": "not a number"}]
        decisions = await Notes(client).decide(intents([payloads[0]]))
        fusion.emulator.mutate("customers", {"keys": [gone["PartyNumber"]], "delete": True})

        outcomes = await write(Notes(client), payloads)
        (late,) = await send(Notes(client), decisions)
        (probed,) = await Notes(client).probe(decisions)
        fusion.fault("no_data_security", "GET", "*/hubOrganizations*")
        with pytest.raises(AbortRun, match="data access"):
            await Notes(client).decide(intents([note(fusion)]))

    assert [outcome.state for outcome in outcomes] == [State.REJECTED, State.APPLIED, State.REJECTED]
    assert late.state is State.REJECTED
    assert probed.state is State.NEEDS_HUMAN


@pytest.mark.parametrize("kind", [Notes, CustomerAttributes])
async def test_behind_an_unclear_write_of_a_customer_the_next_ones_wait_and_those_of_others_do_not(
    fusion: Pod, kind: type[Notes] | type[CustomerAttributes]
) -> None:
    fusion.emulator.configure({"custom_attributes": {"Ticket_c": "string"}})
    customer = fusion.held("customers")[0]
    for call in (("POST", f"*/{customer['PartyNumber']}/child/*"), ("PATCH", f"*/{customer['PartyNumber']}")):
        fusion.fault("reset", *call, times=1)
    payloads = [
        note(fusion, n) if kind is Notes else {"PartyId": note(fusion, n)["PartyId"], "fields": {"Ticket_c": str(at)}}
        for at, n in enumerate([0, 0, 1])
    ]
    async with fusion.client(settle_seconds=7) as client:
        first, second, other = await write(kind(client), payloads)

    assert [first.state, second.state, other.state] == [State.AMBIGUOUS, State.RETRY_WAIT, State.APPLIED]
    assert second.retry_after == 7  # not before the first one: it would be overwritten by it


@pytest.mark.parametrize("version", [4, 9])
async def test_custom_attributes_are_written_where_they_differ_and_the_last_one_stays(
    fusion: Pod, version: int
) -> None:
    kinds = {"Count_c": "integer", "Last_c": "string", "Open_c": "boolean", "Owed_c": "number", "Since_c": "date"}
    fusion.emulator.configure({"custom_attributes": kinds})
    fusion.fault("cap_page", "GET", "*/hubOrganizations", rows=2)
    values = {"Count_c": 3, "Last_c": "42", "Open_c": True, "Owed_c": Decimal("12.50"), "Since_c": "2026-11-21"}
    payloads = [
        CustomerFields(PartyId=note(fusion, n)["PartyId"], fields=values).model_dump(exclude_unset=True)
        for n in range(5)
    ]
    later = [payload | {"fields": {"Count_c": n}} for payload in payloads for n in (4, 3)]
    async with fusion.client(framework_version=version) as client:
        first = await write(CustomerAttributes(client), payloads)
        again = await write(CustomerAttributes(client), payloads)
        back = await write(CustomerAttributes(client), later)

    assert {outcome.state for outcome in first} == {State.APPLIED}
    assert {outcome.state for outcome in again} == {State.UNCHANGED}
    assert {outcome.state for outcome in back} == {State.APPLIED}
    held = fusion.held("customers")
    assert [{name: row[name] for name in kinds} for row in held[:5]] == [values] * 5
    assert str(held[0]["Owed_c"]) == "12.50"
    assert sum(effect.kind == "customer.updated" for effect in fusion.world.effects) == 15


async def test_a_lost_update_is_found_out_and_an_unknown_attribute_is_named(fusion: Pod) -> None:
    fusion.emulator.configure({"custom_attributes": {"Count_c": "integer"}})
    payload = {"PartyId": note(fusion)["PartyId"], "fields": {"Count_c": 5}}
    wanted = {"fields": {"Count_c": CustomField(title="Tickets", type="integer")}}
    async with fusion.client() as client:
        fields = CustomerAttributes(client)
        for fault, found in (("reset", State.RETRY_WAIT), ("lose_response", State.APPLIED)):
            fusion.fault(fault, "PATCH", times=1)
            decisions = await fields.decide(intents([payload]))
            (unclear,) = await send(fields, decisions)
            (probed,) = await fields.probe(decisions)
            assert (unclear.state, probed.state) == (State.AMBIGUOUS, found)
        assert await require_attributes(client, wanted) == []
        (refused,) = await write(fields, [payload | {"fields": {"Other_c": 1}}])
        with pytest.raises(Misconfigured, match="Other_c"):
            await require_attributes(client, {"fields": {"Other_c": wanted["fields"]["Count_c"]}})

    assert refused.state is State.REJECTED
    assert refused.reason is not None
    assert "Other_c" in refused.reason
    with pytest.raises(ValueError, match="end in _c"):
        CustomerFields(PartyId="1", fields={"OrganizationName": "x"})


async def test_contacts_are_compared_and_nothing_is_written(fusion: Pod) -> None:
    person = fusion.held("contacts")[0]
    same = {
        "PartyNumber": person["PartyNumber"],
        "name": f" {person['PersonName'].upper()} ",
        "emails": ["old@a.example", (person["EmailAddress"] or "new@a.example").title()],
        "phone": person["RawWorkPhoneNumber"].replace("+1 ", "(0)").replace(" ", "-"),
    }
    payloads = [
        same,
        same | {"name": "Somebody Else", "phone": "+1 999 9999999", "emails": ["old@a.example"]},
        {"PartyNumber": person["PartyNumber"], "name": None, "phone": "", "emails": []},
        {"PartyNumber": "P1", "name": "x"},
        {"PartyNumber": "it's", "name": "x"},
    ]
    async with fusion.client() as client:
        decisions = await ContactChecks(client).decide(intents(payloads))

    assert {decision.state for decision in decisions} == {State.UNCHANGED}
    assert [decision.action for decision in decisions] == ["check", "drift", "check", "check", "check"]
    absent = "Oracle has no person with this number"
    assert [d.reason for d in decisions] == [None, "drifted from the ERP in name, emails, phone", None, absent, absent]
    assert fusion.world.effects == []
    assert all(one.method == "GET" for one in fusion.world.requests)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+49 30 1234567", "030/1234567", True),
        ("0049 (30) 123-4567", "+49301234567", True),
        ("1234567", "+1 555 1234567", True),
        ("4567", "1234567", False),
        ("+1 555 0000001", "+1 555 0000002", False),
    ],
)
def test_phone_numbers_are_compared_by_what_is_dialled(one: str, other: str, same: bool) -> None:
    assert same_phone(one, other) is same
    assert same_phone(other, one) is same


def test_names_are_compared_whatever_the_form_of_their_accents() -> None:
    assert same_text("Zo\u00eb  SMITH", " zoe\u0308 smith")
    assert not same_text("Zoe Smith", "Zo\u00eb Smith")


async def test_no_more_customers_are_written_to_at_once_than_said(fusion: Pod) -> None:
    fusion.fault("delay", *POST, seconds=0.05)
    async with fusion.client() as client:
        started = asyncio.get_running_loop().time()
        await write(Attachments(client), [note(fusion, n) for n in range(8)])
    assert asyncio.get_running_loop().time() - started >= 0.1
    assert len(fusion.held("attachments")) == 8


async def test_the_emulated_pod_is_as_strict_about_rows_below_a_customer(fusion: Pod) -> None:
    customer = fusion.held("customers")[0]["PartyNumber"]
    base = f"{fusion.origin}/crmRestApi/resources/11.13.18.05/hubOrganizations/{customer}"
    row = {"NoteTypeCode": "GENERAL", "NoteTitle": "a"}
    async with httpx.AsyncClient(
        auth=("ML_CONNECTOR", "sandbox-password"), headers={"REST-Framework-Version": "4"}
    ) as http:
        created = await http.post(f"{base}/child/Note", json=row)
        item = f"{base}/child/Note/{created.json()['NoteId']}"
        asked: list[tuple[str, str, dict[str, Any], int]] = [
            ("GET", f"{base}/child/Note?q=FormattedAddress is null", {}, 400),
            ("GET", f"{base}/child/Note?q=NoteTitle = 'a'", {}, 200),
            ("GET", f"{base}/child/Attachment?q=Title = 'a'", {}, 400),
            ("GET", f"{base}x/child/Note", {}, 404),
            ("POST", f"{base}/child/Note", {"json": row | {"Colour": "red"}}, 400),
            ("POST", f"{base}/child/Note", {"json": row | {"VisibilityCode": "ALL"}}, 400),
            ("POST", f"{base}/child/Note", {"json": {"NoteTitle": "a"}}, 400),
            ("POST", f"{base}/child/Note", {"content": b"{}"}, 415),
            ("PATCH", item, {"json": {"NoteTitle": "b"}}, 200),
            ("PUT", f"{item}/enclosure/NoteTxt", {"json": {}}, 415),
            ("GET", f"{item}/enclosure/NoteTxt", {"headers": {"accept": "application/json"}}, 406),
            ("PATCH", base, {"json": {"Undeclared_c": 1}}, 400),
            ("DELETE", item, {}, 204),
            ("GET", item, {}, 404),
        ]
        answers = [(await http.request(method, url, **rest)).status_code for method, url, rest, _ in asked]

    assert created.status_code == 201
    assert answers == [status for *_, status in asked]
    fusion.world.requests.clear()  # not the connector's
