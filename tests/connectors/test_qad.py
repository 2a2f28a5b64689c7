"""QAD read over real HTTP: pages, sessions, errors inside 200, what is told apart, and what an instance describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.qad.discovery import discover
from connectors.qad.errors import status
from connectors.qad.models import Customer, CustomerInvoices
from connectors.qad.ping import ping
from connectors.qad.settings import QadSettings
from connectors.qad.streams import STREAMS
from connectors.qad.totals import SUMS
from ml_connector.core.errors import AbortRun, ConnectorError, Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.records import Window
from ml_connector.core.response import Response
from tests.connectors.qad_instance import CONTACTS, CUSTOMERS, InstanceUnderTest, instance
from tests.connectors.reading import everything, read, read_with_crashes

BY_CODE = {**CUSTOMERS, "key": ["customerCode"]}
PAGED = {**CUSTOMERS, "page_size": 4}
MODIFIED = {**CUSTOMERS, "last_modified": "debtor.LastModifiedDate"}


@pytest.fixture
def qad() -> Iterator[InstanceUnderTest]:
    with instance() as opened:
        opened.emulator.seed("customers", 23, 1)
        yield opened


async def test_a_reader_that_dies_after_each_page_reads_every_customer_once(qad: InstanceUnderTest) -> None:
    qad.fault("cap_page", rows=3)
    async with qad.client(entities={"customers": PAGED}) as client:
        found = await read_with_crashes(STREAMS["Customer"](client))

    assert [one.source_id for one in found] == [f"QMI-CUST.10C{1000 + n}" for n in range(23)]
    for one in found:
        Customer.model_validate(one.body)
    assert found[0].body["recordUrl"] == "https://acme.qad.com/clouderp/#/customer?code=10C1000"


@pytest.mark.parametrize(("page_size", "fault"), [(4, "cap_page"), (4, "mutate_while_paging"), (23, "repeat_pages")])
async def test_a_full_page_is_not_believed_to_be_the_last_one(
    qad: InstanceUnderTest, page_size: int, fault: str
) -> None:
    qad.fault("lie_has_more")
    qad.fault(fault, rows=4)
    async with qad.client(entities={"customers": {**CUSTOMERS, "page_size": page_size}}) as client:
        found = [one.source_id for one in await read(STREAMS["Customer"](client))]

    assert len(found) == len(set(found)) == 23


async def test_a_promised_page_that_is_empty_is_asked_for_again(qad: InstanceUnderTest) -> None:
    async with qad.client(entities={"customers": PAGED}) as client:
        source = STREAMS["Customer"](client)
        pages = source.read(everything(), None)
        first = await anext(aiter(pages))
        qad.fault("no_rows", times=1)
        with pytest.raises(RetryLater, match="promised more rows"):
            await anext(aiter(pages))
        rest = [record async for page in source.read(everything(), first.cursor) for record in page.records]

    assert len(first.records) + len(rest) == 23


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("html", RetryLater, "answered text/html where JSON was expected"),
        ("truncate", RetryLater, "the connection was lost"),
        ("huge", AbortRun, "larger than 32768 KiB: ask for smaller pages"),
    ],
)
async def test_an_answer_that_is_not_qads_is_refused_and_the_page_is_read_later(
    qad: InstanceUnderTest, fault: str, error: type[ConnectorError], said: str
) -> None:
    async with qad.client(entities={"customers": PAGED}) as client:
        pages = STREAMS["Customer"](client).read(everything(), None)
        first = await anext(aiter(pages))
        qad.fault(fault, times=3, mebibytes=200)
        with pytest.raises(error, match=said):
            await anext(aiter(pages))
        qad.sandbox.world.faults.clear()
        again = STREAMS["Customer"](client).read(everything(), first.cursor)
        rest = [record async for page in again for record in page.records]

    assert len(first.records) + len(rest) == 23


async def test_only_what_was_changed_is_asked_for_where_the_browse_has_a_day_of_the_last_change(
    qad: InstanceUnderTest,
) -> None:
    async with qad.client(entities={"customers": MODIFIED}) as client:
        source = STREAMS["Customer"](client)
        now = await source.clock()
        assert source.windowed
        assert await read(source, Window(now, now)) == []  # zero rows with 200, and in order
        qad.emulator.mutate(
            "customers", {"keys": ["10C1007"], "set": {"businessRelation.BusinessRelationName1": "Neu"}}
        )
        [changed] = await read(source, Window(now, everything().hi))

    assert (changed.number, changed.body["businessRelationName"]) == ("10C1007", "Neu")
    assert changed.modified_at is not None


async def test_a_session_that_ends_in_the_middle_is_renewed_and_the_page_read_again(qad: InstanceUnderTest) -> None:
    qad.fault("expire_token", every=3)
    qad.fault("error_in_200", times=1, code="401")
    async with qad.client(entities={"customers": PAGED}) as client:
        assert len(await read(STREAMS["Customer"](client))) == 23

    assert qad.calls("/oauth/token") > 2


async def test_a_refused_password_needs_a_person(qad: InstanceUnderTest) -> None:
    async with qad.client(password="wrong") as client:
        health = await ping(client, ())
        with pytest.raises(Reauthenticate, match="secret set acme/qad password"):
            await read(STREAMS["Customer"](client))

    assert [one.refused for one in health.findings] == [True]


async def test_a_missing_column_a_renamed_browse_and_no_rows_are_told_apart(qad: InstanceUnderTest) -> None:
    async with qad.client(entities={"customers": BY_CODE, "contacts": CONTACTS}) as client:
        assert await read(STREAMS["Contact"](client)) == []
        assert [one.ok for one in (await ping(client, ())).findings] == [True, True]

        qad.emulator.configure({"rename_column": ["urn:browse:mfg:cm300", "address.AddressEMail", "address.Email"]})
        with pytest.raises(Misconfigured, match=r"cm300 has no address\.AddressEMail: correct entities\.customers"):
            await read(STREAMS["Customer"](client))

        qad.emulator.configure({"rename_browse": ["urn:browse:mfg:cm300", "urn:browse:mfg:xx300"]})
        with pytest.raises(Misconfigured, match=r"does not know urn:browse:mfg:cm300: correct entities\.customers"):
            await read(STREAMS["Customer"](client))
        findings = (await ping(client, ["Contact", "CustomerOrders"])).findings

        qad.emulator.configure({"denied": ["urn:browse:mfg:cm803"]})
        with pytest.raises(Misconfigured, match="give its role access"):
            await read(STREAMS["Contact"](client))
        with pytest.raises(Misconfigured, match=r"entities\.orders is not configured"):
            STREAMS["SalesOrder"](client)

    assert [(one.ok, one.what.partition(" (")[0]) for one in findings] == [
        (False, "entities.orders is not configured"),
        (False, "entities.customers cannot be read"),
        (True, "entities.contacts"),
    ]


async def test_customers_of_which_there_are_none_are_no_answer(qad: InstanceUnderTest) -> None:
    """Of all others there may be none; and what has not changed gives no rows either."""
    nobody = {**BY_CODE, "last_modified": MODIFIED["last_modified"], "filters": ["debtor.DebtorCode,eq,nobody,literal"]}
    async with qad.client(entities={"customers": nobody, "contacts": CONTACTS}) as client:
        with pytest.raises(Misconfigured, match=r"with its columns, and has no rows: correct workspace, or entities\."):
            await read(STREAMS["Customer"](client))
        now = everything().hi
        assert await read(STREAMS["Customer"](client), Window(now, now)) == []
        assert await read(STREAMS["Contact"](client)) == []


async def test_a_browse_that_goes_away_in_the_middle_of_a_read_is_no_end_of_it(qad: InstanceUnderTest) -> None:
    async with qad.client(entities={"customers": PAGED}) as client:
        source = STREAMS["Customer"](client)
        page = await anext(aiter(source.read(everything(), None)))
        qad.emulator.configure({"rename_browse": ["urn:browse:mfg:cm300", "urn:browse:mfg:xx300"]})
        with pytest.raises(Misconfigured, match=r"does not know urn:browse:mfg:cm300"):
            await anext(aiter(source.read(everything(), page.cursor)))


async def test_errors_inside_200_stop_the_read_and_name_the_field(qad: InstanceUnderTest) -> None:
    async with qad.client(entities={"customers": {**CUSTOMERS, "filters": ["nothing,eq,1,literal"]}}) as client:
        with pytest.raises(Misconfigured, match=r"422\): nothing"):
            await read(STREAMS["Customer"](client))


async def test_pages_that_repeat_and_a_used_up_time_budget_stop_the_read(qad: InstanceUnderTest) -> None:
    async with qad.client(entities={"customers": PAGED}) as client:
        qad.fault("repeat_pages")
        with pytest.raises(AbortRun, match=r"repeat: set entities\.customers\.page_size"):
            await read(STREAMS["Customer"](client))
    qad.sandbox.world.faults.clear()
    async with qad.client(entities={"customers": {**PAGED, "time_budget_minutes": 1e-9}}) as client:
        source = STREAMS["Customer"](client)
        first = await anext(aiter(source.read(everything(), None)))
        with pytest.raises(AbortRun, match="time budget"):
            await read(source)
        behind = await anext(aiter(source.read(everything(), first.cursor)))

    assert behind.records[0].source_id == "QMI-CUST.10C1004"


async def test_what_discover_proposes_can_be_read(qad: InstanceUnderTest) -> None:
    qad.emulator.seed("contacts", 5, 1)
    qad.emulator.seed("orders", 5, 1)
    async with qad.client(entities={}) as client:
        text = await discover(client)
    proposed: dict[str, Any] = yaml.safe_load(text)["entities"]

    assert set(proposed) == {"customers", "contacts", "orders"}
    assert proposed["customers"]["key"] == ["customerCode"]  # contacts cannot name the shared set
    assert proposed["customers"]["last_modified"] == "debtor.LastModifiedDate"
    assert proposed["customers"]["fields"]["EMail"] == "address.AddressEMail"
    async with qad.client(entities=proposed) as client:
        assert all(one.ok for one in (await ping(client, ())).findings)
        counts = [len(await read(STREAMS[model](client))) for model in ("Customer", "Contact", "SalesOrder")]

    assert counts == [23, 5, 5]


@pytest.mark.parametrize(
    ("entity", "said"),
    [
        ({"fields": {**CUSTOMERS["fields"], "colour": "x"}}, "there is no colour"),  # type: ignore[dict-item]
        ({"key": ["customerNumber"]}, "key and links use customerNumber"),
        ({"browse": "cm300"}, "pattern"),
        ({"links": {"recordUrl": "https://acme.qad.com/{nothing}"}}, "use nothing"),
        ({"links": {"recordUrl": "https://acme.qad.com/{customerCode.__class__}"}}, "a placeholder is"),
    ],
)
def test_a_wrong_entity_is_refused_before_anything_is_called(entity: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        QadSettings.model_validate(
            {"origin": "https://acme.qad.com/clouderp", "entities": {"customers": CUSTOMERS | entity}}
        )


async def test_the_shared_set_is_proposed_where_all_can_name_it(qad: InstanceUnderTest) -> None:
    qad.emulator.configure({"rename_column": ["urn:browse:mfg:cm803", "contact.ContactTelephone", "x.SharedSetCode"]})
    qad.emulator.configure({"rename_column": ["urn:browse:mfg:so803", "so_due_date", "x.SharedSetCode"]})
    async with qad.client(entities={}) as client:
        proposed: dict[str, Any] = yaml.safe_load(await discover(client))["entities"]

    whole = ["sharedSetCode", "customerCode"]
    assert [proposed["customers"]["key"], *(proposed[name]["customer"] for name in ("contacts", "orders"))] == [
        whole
    ] * 3
    QadSettings.model_validate({"origin": "https://acme.qad.com/clouderp", "entities": proposed})


@pytest.mark.parametrize(
    ("contacts", "said"),
    [
        ({}, "the key of customers is sharedSetCode, customerCode"),
        ({"customer": ["sharedSetCode", "customerCode"]}, "customer uses sharedSetCode"),
    ],
)
def test_contacts_that_could_not_find_their_customer_are_refused(contacts: dict[str, Any], said: str) -> None:
    entities = {"customers": CUSTOMERS, "contacts": CONTACTS | contacts}
    with pytest.raises(ValueError, match=said):
        QadSettings.model_validate({"origin": "https://acme.qad.com/clouderp", "entities": entities})


async def test_rows_that_differ_under_one_key_are_told_and_those_that_do_not_are_one(qad: InstanceUnderTest) -> None:
    both = {"keys": ["10C1002", "10C1003"]}
    qad.emulator.mutate("customers", {**both, "join": {"address.AddressCity": "Bergen"}})
    for page_size in (1000, 3):  # beside each other on a page, and on two
        async with qad.client(entities={"customers": {**BY_CODE, "page_size": page_size}}) as client:
            assert len(await read(STREAMS["Customer"](client))) == 23  # of the city nobody asked
    cities = {**BY_CODE, "fields": {**CUSTOMERS["fields"], "city": "address.AddressCity"}}  # type: ignore[dict-item]
    for page_size in (1000, 3):
        async with qad.client(entities={"customers": {**cities, "page_size": page_size}}) as client:
            with pytest.raises(
                Misconfigured, match=r"several rows with customerCode 10C1002.*entities\.customers\.key"
            ):
                await read(STREAMS["Customer"](client))
    only = {**cities, "filters": ["address.AddressCity,eq,Bergen,literal"]}
    async with qad.client(entities={"customers": only}) as client:
        assert [one.number for one in await read(STREAMS["Customer"](client))] == ["10C1002", "10C1003"]


async def test_a_row_that_comes_again_because_it_was_changed_meanwhile_is_another_version(
    qad: InstanceUnderTest,
) -> None:
    async with qad.client(entities={"customers": {**BY_CODE, "page_size": 3}}) as client:
        pages = STREAMS["Customer"](client).read(everything(), None)
        first = await anext(aiter(pages))
        rows = qad.emulator.state("customers")
        rows.append(rows.pop(0) | {"businessRelation.BusinessRelationName1": "Zeta"})
        rest = [record async for page in pages for record in page.records]

    assert [one.body["businessRelationName"] for one in (first.records[0], rest[-1])][1] == "Zeta"
    assert first.records[0].source_id == rest[-1].source_id


async def test_what_is_open_is_what_has_an_open_amount(qad: InstanceUnderTest) -> None:
    qad.emulator.seed("orders", 5, 1)
    qad.emulator.mutate("orders", {"count": 5, "set": {"so_cust": "10C1000", "so_stat": "", "so_ord_date": "EUR"}})
    for number, (owed, stat) in enumerate((("12.50", ""), ("0.00", ""), ("-2.50", "C"), ("0", "X"), (None, ""))):
        change = {"so_due_date": owed, "so_stat": stat}
        qad.emulator.mutate("orders", {"keys": [f"SO{number:06}"], "set": change})
    columns = {
        "customerCode": "so_cust",
        "status": "so_stat",
        "openAmount": "so_due_date",
        "currencyCode": "so_ord_date",
    }
    invoices = {
        "browse": "urn:browse:mfg:so803",
        "key": ["invoiceNumber"],
        "fields": {"invoiceNumber": "so_nbr", **columns},
    }
    async with qad.client(entities={"invoices": invoices}) as client:
        source = SUMS["CustomerInvoices"](client)
        [found] = await read(source)
        assert (found.body["count"], found.body["openCount"], found.body["openAmounts"]) == (5, 3, {"EUR": "10.00"})
        nothing = CustomerInvoices.model_validate(source.absent("10C1000", {}))
        assert (nothing.openCount, nothing.openAmounts, nothing.newest) == (0, {}, [])

        qad.emulator.mutate("orders", {"keys": ["SO000002"], "set": {"so_ord_date": ""}})
        with pytest.raises(AbortRun, match="the open amount of SO000002 has no currency"):
            await read(source)
    del invoices["fields"]["currencyCode"]  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="openAmount needs currencyCode"):
        QadSettings.model_validate({"origin": "https://acme.qad.com/clouderp", "entities": {"invoices": invoices}})


async def test_contacts_of_two_customers_with_one_number_have_different_ids(qad: InstanceUnderTest) -> None:
    qad.emulator.seed("contacts", 2, 1)
    for contact, customer in (("C000000", "10C1000"), ("C000001", "10C1001")):
        qad.emulator.mutate("contacts", {"keys": [contact], "set": {"debtor.DebtorCode": customer}})
    qad.emulator.mutate("contacts", {"count": 2, "set": {"contact.ContactID": "1"}})
    async with qad.client(entities={"contacts": {**CONTACTS, "key": ["customerCode", "contactCode"]}}) as client:
        found = await read(STREAMS["Contact"](client))
    async with qad.client(entities={"contacts": CONTACTS}) as client:
        with pytest.raises(Misconfigured, match="several rows with contactCode 1,"):
            await read(STREAMS["Contact"](client))

    assert [(one.source_id, one.body["contactId"]) for one in found] == [("10C1000.1",) * 2, ("10C1001.1",) * 2]


@pytest.mark.parametrize(
    ("wanted", "found"), [("10C1004,literal,10C1006,literal", 3), ("10C1004,literal", None), ("10C1004", None)]
)
async def test_a_filter_may_be_a_range(qad: InstanceUnderTest, wanted: str, found: int | None) -> None:
    entity = {**CUSTOMERS, "filters": [f"debtor.DebtorCode,rg,{wanted}"]}
    async with qad.client(entities={"customers": entity}) as client:
        source = STREAMS["Customer"](client)
        if found is None:
            with pytest.raises(Misconfigured, match="the request is refused"):
                await read(source)
        else:
            assert len(await read(source)) == found


async def test_a_page_is_given_to_who_has_had_the_one_before(qad: InstanceUnderTest) -> None:
    async with qad.client(entities={"customers": PAGED}) as client:
        pages = [
            await client.browse(CUSTOMERS["browse"], page=page, page_size=4, call_id=call)  # type: ignore[arg-type]
            for call, page in (("a", 1), ("a", 2), ("a", 2), ("a", 4), ("b", 2))
        ]

    assert [len(page.rows) for page in pages] == [4, 4, 4, 0, 0]


def test_qxtend_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="no public document shows"):
        QadSettings.model_validate({"origin": "https://acme.qad.com/qxi", "interface": "qxtend"})


def test_the_samples_mean_what_they_say(specs: Path) -> None:
    folder = specs / "qad"
    errors = json.loads((folder / "qad_errors.json").read_text())
    sample = (folder / "qad_browse_response.synthetic.json").read_bytes()

    assert status(Response(200, {}, json.dumps(errors["validation_http200"]).encode())) == 422
    assert status(Response(200, {}, json.dumps(errors["gateway_403"]).encode())) == 403
    assert status(Response(200, {}, sample)) == 200
