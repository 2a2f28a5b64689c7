"""Workday read over real HTTP: windows and pages, the payment status, faults, hostile answers, four transports."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from connectors.workday import models
from connectors.workday.json_rows import instant
from connectors.workday.ping import ping
from connectors.workday.streams import STREAMS
from connectors.workday.system import WORKDAY
from ml_connector.core.errors import AbortRun, ConnectorError, Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.records import Window
from tests.connectors.reading import everything, read
from tests.connectors.workday_tenant import Tenant, tenant

WQL = {
    "transport": "wql",
    "data_source": "suppliers1",
    "data_source_filter": "defaultFilter",
    "last_updated": "lastUpdatedDateTime",
    "fields": {"WID": "supplier.id", "Supplier_Name": "supplier.descriptor", "Status": "supplierStatus"},
}
PAID = {
    "transport": "report",
    "owner": "ISU_Zendesk",
    "report": "Invoice_Status",
    "fields": {"WID": "Workday_ID", "Invoice_Number": "Invoice_Number", "Payment_Status": "Payment_Status"},
}


@pytest.fixture
def workday() -> Iterator[Tenant]:
    with tenant() as opened:
        opened.emulator.seed("suppliers", 25, 1)
        yield opened


async def test_each_record_keeps_to_its_model_and_no_bank_or_tax_data_is_read(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 10, 1)
    workday.emulator.seed("purchase_orders", 10, 1)
    workday.emulator.mutate("supplier_invoices", {"count": 3, "pay": 1})
    kinds: dict[str, type[BaseModel]] = {
        "Supplier": models.Supplier,
        "SupplierInvoice": models.SupplierInvoice,
        "PurchaseOrder": models.PurchaseOrder,
        "Payment": models.Payment,
    }
    async with workday.client() as client:
        for name, model in kinds.items():
            records = await read(STREAMS[name](client))

            assert len(records) == {"Supplier": 25, "Payment": 3}.get(name, 10)
            for record in records:
                model.model_validate(record.body)
                assert set(record.body) <= set(model.model_fields)
                assert "SECRET" not in str(record.body)
        address = (await read(STREAMS["Supplier"](client)))[0].body
    assert address["Address_Line_1"] == "0 Main St"
    assert "\n" in address["Formatted_Address"]


async def test_a_reader_that_dies_after_each_page_reads_every_supplier_once(workday: Tenant) -> None:
    async with workday.client(suppliers={"page_size": 4}) as client:
        source, window, cursor = STREAMS["Supplier"](client), everything(), None
        found: list[str] = []
        while (page := await anext(aiter(source.read(window, cursor)), None)) is not None:
            assert page.cursor != cursor
            found += [record.source_id for record in page.records]
            cursor = page.cursor

    assert sorted(found) == sorted(workday.emulator.books.rows["suppliers"])


@pytest.mark.parametrize(("fault", "params"), [("cap_page", {"rows": 3}), ("lie_has_more", {})])
async def test_no_number_of_pages_is_believed_alone(workday: Tenant, fault: str, params: dict[str, Any]) -> None:
    async with workday.client(suppliers={"page_size": 4}) as client:
        workday.fault(fault, **params)
        found = [record.source_id for record in await read(STREAMS["Supplier"](client))]

    assert sorted(found) == sorted(workday.emulator.books.rows["suppliers"])


async def test_invoices_that_are_paid_while_they_are_read_hide_no_others(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 40, 1)
    async with workday.client(supplier_invoices={"page_size": 5}) as client:
        workday.fault("mutate_while_paging", rows=3)
        seen = await read(STREAMS["SupplierInvoice"](client))

    assert {record.source_id for record in seen} == workday.emulator.books.rows["supplier_invoices"].keys()


async def test_only_what_was_changed_in_the_window_is_asked_for_deactivations_too(workday: Tenant) -> None:
    async with workday.client() as client:
        source = STREAMS["Supplier"](client)
        before = await source.clock()
        workday.emulator.mutate("suppliers", {"keys": ["S-100003"], "set": {"Status": "INACTIVE"}})
        changed = await read(source, Window(before - timedelta(seconds=2), everything().hi))

    assert [(one.body["Supplier_ID"], one.body["Status"]) for one in changed] == [("S-100003", "INACTIVE")]


async def test_the_payment_status_comes_from_three_passes_and_follows_a_payment(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 9, 1)
    workday.emulator.mutate("supplier_invoices", {"keys": ["SI-000001"], "pay": 1})
    workday.emulator.mutate("supplier_invoices", {"keys": ["SI-000002"], "pay": 0.5})
    async with workday.client(supplier_invoices={"page_size": 3}) as client:
        source = STREAMS["SupplierInvoice"](client)
        first = {one.number: one.body for one in await read(source)}
        workday.emulator.mutate("supplier_invoices", {"keys": ["SI-000002"], "pay": 1})
        second = {one.number: one.body for one in await read(source)}

    assert not source.windowed
    assert len(first) == len(second) == 9
    assert (first["SI-000001"]["Payment_Status"], first["SI-000001"]["Amount_Due"]) == ("Paid", "0")
    assert (first["SI-000002"]["Payment_Status"], first["SI-000002"]["Amount_Due"]) == ("Partially Paid", None)
    assert first["SI-000003"]["Amount_Due"] == first["SI-000003"]["Control_Amount_Total"]
    assert second["SI-000002"]["Payment_Status"] == "Paid"
    assert {number for number in first if first[number] != second[number]} == {"SI-000002"}


async def test_a_wrong_password_is_tried_once_and_marks_the_connection(workday: Tenant) -> None:
    for auth in (workday.user("wrong"), workday.user(" sandbox-password"), workday.user(name="Nobody")):
        before = workday.calls()
        async with workday.client(auth) as client:
            health = await ping(client)

        assert [finding.refused for finding in health.findings] == [True]
        assert workday.calls() == before + 1


async def test_a_missing_permission_is_named_by_ping_and_stops_only_its_stream(workday: Tenant) -> None:
    workday.emulator.configure({"denied": ["Get_Payments"]})
    async with workday.client() as client:
        health = await ping(client)
        with pytest.raises(Misconfigured, match=r"activate the pending .*Get_Payments"):
            await read(STREAMS["Payment"](client))

    assert [finding.ok for finding in health.findings] == [True, True, True, False, True]
    assert "settlement and payments" in str(health.findings[3].hint)
    assert health.identity is not None


async def test_throttling_is_waited_out_as_a_fault_in_500_and_as_429(workday: Tenant) -> None:
    workday.fault("throttle", "/ccx/service/*", times=2)
    workday.fault("status", "/ccx/api/*", times=2, status=429, retry_after=0)
    workday.emulator.seed("purchase_orders", 3, 1)
    async with workday.client(workday.api_client(), purchase_orders={"transport": "rest"}) as client:
        assert len(await read(STREAMS["Supplier"](client))) == 25
        assert len(await read(STREAMS["PurchaseOrder"](client))) == 3

        workday.fault("throttle", "/ccx/service/*")
        with pytest.raises(RetryLater, match="answered 429"):
            await read(STREAMS["Supplier"](client))


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip
FAULT_FOR_PEOPLE = "<html><body><h1>Error 500</h1><p>SOAP-ENV:Server: internal server error</p></body></html>"


@pytest.mark.parametrize(
    ("fault", "params", "error"),
    [
        ("dtd_answer", {}, AbortRun),
        ("dtd_answer", {"declaration": BOMB}, AbortRun),
        ("dtd_answer", {"declaration": f"<!-- {'x' * 100_000} -->\n<?style of=it?>{BOMB}"}, AbortRun),
        ("html", {}, RetryLater),
        ("short_page", {}, RetryLater),
        ("truncate", {}, RetryLater),
        ("status", {"status": 500, "body": FAULT_FOR_PEOPLE}, RetryLater),
        ("latin_1", {"declared": "nowhere"}, RetryLater),
        ("huge", {"mebibytes": 200}, AbortRun),
    ],
)
async def test_an_answer_that_is_not_workdays_is_refused_and_the_page_is_read_later(
    workday: Tenant, fault: str, params: dict[str, Any], error: type[ConnectorError]
) -> None:
    workday.emulator.mutate("suppliers", {"count": 25, "set": {"Municipality": "Köln"}})
    async with workday.client(suppliers={"page_size": 10}) as client:
        source, window = STREAMS["Supplier"](client), everything()
        pages = source.read(window, None)
        first = await anext(aiter(pages))
        workday.fault(fault, times=3 if fault in ("truncate", "status", "html") else 1, **params)
        tracemalloc.start()
        with pytest.raises(error) as refused:
            await anext(aiter(pages))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        rest = await read(source, window, first.cursor)

    assert type(refused.value) is error
    assert "Get_Suppliers (Resource_Management v46.1), page 2" in str(refused.value)
    assert not {"passwd", "SOAP-ENV"} & set(str(refused.value).split())
    assert peak < 80 * 1024 * 1024  # 32 MiB are read at most
    assert len(first.records) + len(rest) == 25


@pytest.mark.parametrize("declared", ["in the XML", "in the header"])
async def test_latin_1_is_read_as_what_it_says_it_is(workday: Tenant, declared: str) -> None:
    workday.fault("latin_1", declared=declared)
    workday.emulator.mutate("suppliers", {"keys": ["S-100001"], "set": {"Supplier_Name": "Söhne & Töchter"}})
    async with workday.client() as client:
        names = {one.number: one.body["Supplier_Name"] for one in await read(STREAMS["Supplier"](client))}

    assert names["S-100001"] == "Söhne & Töchter"


async def test_a_query_tells_what_changed_and_when_and_a_report_the_payment_status(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 4, 1)
    workday.emulator.mutate("supplier_invoices", {"keys": ["SI-000001"], "pay": 1})
    async with workday.client(workday.api_client(), suppliers={**WQL, "page_size": 7}, paid_invoices=PAID) as client:
        source = STREAMS["Supplier"](client)
        assert source.windowed
        assert len(await read(source)) == 25
        workday.emulator.expire_tokens()
        now = await source.clock()
        workday.emulator.mutate("suppliers", {"keys": ["S-100003"], "set": {"Supplier_Name": "Neu"}})
        [changed] = await read(source, Window(now - timedelta(seconds=1), everything().hi))
        paid = {one.number: one.body["Payment_Status"] for one in await read(STREAMS["PaidInvoice"](client))}

    assert changed.body == {"WID": changed.source_id, "Supplier_Name": "Neu", "Status": changed.body["Status"]}
    assert changed.modified_at is not None
    assert changed.modified_at.tzinfo is UTC
    assert paid["SI-000001"] == "Paid"
    assert paid["SI-000002"] == "Unpaid"


async def test_invoices_have_the_payment_status_that_is_told_elsewhere(workday: Tenant) -> None:
    workday.emulator.seed("supplier_invoices", 4, 1)
    workday.emulator.mutate("supplier_invoices", {"keys": ["SI-000001"], "pay": 1})
    async with workday.client(workday.api_client(), paid_invoices=PAID) as client:
        invoices = await read(WORKDAY.sources["SupplierInvoice"](client))
        sums = await read(WORKDAY.sources["SupplierInvoices"](client))

    paid = {one.number: (one.body["Payment_Status"], one.body["Amount_Due"]) for one in invoices}
    assert paid["SI-000001"] == ("Paid", "0")
    assert paid["SI-000002"][0] == "Unpaid"
    assert sum(one.body["Open_Invoice_Count"] for one in sums) == len(invoices) - 1


async def test_what_cannot_work_is_said_before_or_at_the_first_call(workday: Tenant) -> None:
    async with workday.client(suppliers=WQL) as client:
        with pytest.raises(Misconfigured, match="oauth_refresh_token"):
            await read(STREAMS["Supplier"](client))
    with pytest.raises(ValueError, match="has no Supplier_Nam"):
        async with workday.client(suppliers={**WQL, "fields": {"WID": "supplier.id", "Supplier_Nam": "x"}}):
            pass
    with pytest.raises(ValueError, match="999"):
        async with workday.client(suppliers={"page_size": 1000}):
            pass
    async with workday.client(suppliers={"version": "v99.9", "service": "Cash_Management"}) as client:
        with pytest.raises(Misconfigured, match="Get_Suppliers"):
            await read(STREAMS["Supplier"](client))
    wrong = {**WQL, "fields": {"WID": "supplier.id", "Status": "supplierState.id"}}
    async with workday.client(workday.api_client(), suppliers=wrong) as client:
        with pytest.raises(Misconfigured, match="A0002 supplierState"):
            await read(STREAMS["Supplier"](client))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-21T08:00:00Z", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("2026-11-21T08:00:00.000-07:00", datetime(2026, 11, 21, 15, tzinfo=UTC)),
        ("2026-11-21T08:00:00", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("2026-11-21", None),  # a day is no moment: two changes of it could not be told apart
        ("yesterday", None),
    ],
)
def test_moments_are_utc(written: str, meant: datetime | None) -> None:
    assert instant(written) == meant


async def test_a_refresh_token_that_is_refused_needs_a_person(workday: Tenant) -> None:
    auth = workday.api_client()
    auth._refresh = workday.user("other").password
    async with workday.client(auth) as client:
        with pytest.raises(Reauthenticate, match="refresh_token"):
            await read(STREAMS["Supplier"](client))
