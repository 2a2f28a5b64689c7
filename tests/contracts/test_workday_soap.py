"""Our envelopes, the samples and the emulator held against the XSDs that were derived from Workday's classes.

They are older than the version that is asked for: order and names are exact for their age. So an element
that came later is the one thing that an answer of the emulator may have beyond them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from connectors.workday.answers import read_page
from connectors.workday.envelope import SOAP, Part, envelope
from connectors.workday.errors import explain, status
from connectors.workday.operations import (
    GET_PAYMENT_TERMS,
    GET_PAYMENTS,
    GET_PURCHASE_ORDERS,
    GET_SUPPLIER_INVOICES,
    GET_SUPPLIERS,
    Operation,
)
from connectors.workday.settings import SoapRead
from connectors.workday.soap_stream import SoapStream
from connectors.workday.streams import STREAMS
from connectors.workday.system import WORKDAY
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Window
from ml_connector.core.response import Response
from tests.connectors.workday_tenant import Tenant, tenant

OPERATIONS = (GET_SUPPLIERS, GET_SUPPLIER_INVOICES, GET_PURCHASE_ORDERS, GET_PAYMENTS, GET_PAYMENT_TERMS)
PAYEE = (
    b'<wd:Receiving_Party_Reference><wd:ID wd:type="Supplier_ID">S-100001</wd:ID></wd:Receiving_Party_Reference>'
    b"<wd:Receiving_Party_Contact_Data>"
)


@cache
def schema(file: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(file), etree.XMLParser(huge_tree=True)))


def problems(specs: Path, operation: Operation, message: bytes) -> list[str]:
    """What the schema of its service has against what stands in the body of a message."""
    checked = schema(specs / "workday" / "wsdl-derived" / f"{operation.service}.xsd")
    content = etree.fromstring(message).find(f"{{{SOAP}}}Body")
    assert content is not None
    found = etree.fromstring(etree.tostring(content[0]))
    if checked.validate(found):
        return []
    log: Any = checked.error_log  # iterable, which lxml-stubs leave out
    return [str(one.message) for one in log if "Suppliers_Invoice_Number" not in str(one.message)]


@pytest.fixture
def workday() -> Iterator[Tenant]:
    with tenant() as opened:
        for collection in ("suppliers", "supplier_invoices", "purchase_orders"):
            opened.emulator.seed(collection, 5, 1)
        opened.emulator.mutate("supplier_invoices", {"count": 2, "pay": 1})
        yield opened


async def test_every_envelope_is_valid(workday: Tenant, specs: Path) -> None:
    hi = datetime.now(UTC)
    async with workday.client() as client:
        for name in ("Supplier", "SupplierInvoice", "PurchaseOrder", "Payment"):
            for lo in (None, hi - timedelta(days=60)):
                async for _ in WORKDAY.sources[name](client).read(Window(lo, hi), None):
                    pass
        async for _ in WORKDAY.sources["SupplierInvoices"](client).read(Window(None, hi), None):
            pass
        invoices = STREAMS["SupplierInvoice"](client)
        assert isinstance(invoices, SoapStream)
        await invoices.named(list(workday.emulator.books.rows["supplier_invoices"]), Window(None, hi))
    seen = [one for one in workday.sandbox.world.requests if one.method == "POST"]

    for asked in (b"Request_References", b"Supplier_Status_Reference", b"Invoice_Status_Reference"):
        assert any(asked in one.body for one in seen)
    assert {known for known in OPERATIONS for one in seen if f":{known.request}".encode() in one.body} == {*OPERATIONS}
    for one in seen:
        operation = next(known for known in OPERATIONS if f":{known.request}".encode() in one.body)
        assert problems(specs, operation, one.body) == []
        assert b"PasswordText" in one.body


async def test_the_emulator_answers_as_the_schema_says(workday: Tenant, specs: Path) -> None:
    async with workday.client() as client:
        for operation in OPERATIONS:
            response = await client.http.request(
                "POST",
                f"/ccx/service/acme/{operation.service}/v46.1",
                content=_asked(workday, operation),
                headers={"Accept": "text/xml"},
            )
            assert problems(specs, operation, response.body) == []


def _asked(workday: Tenant, operation: Operation) -> bytes:
    return envelope(operation.request, (), version="v46.1", user=workday.user(), tenant="acme")


def test_every_sample_is_read(specs: Path) -> None:
    samples = specs / "workday" / "samples"
    faults = sorted(samples.glob("Fault_*.xml"))
    for operation in (GET_SUPPLIERS, GET_SUPPLIER_INVOICES, GET_PAYMENTS):
        body = (samples / f"{operation.name}_Response.synthetic.xml").read_bytes()
        assert problems(specs, operation, body) == []
        answer = read_page(operation, body, None)
        assert answer.count
        if operation is GET_PAYMENTS:  # the sample does not say whom: a payment of no supplier is passed by
            assert answer.rows == []
            answer = read_page(operation, body.replace(b"<wd:Receiving_Party_Contact_Data>", PAYEE), None)
        rows = answer.rows
        assert rows
        assert all(row["WID"] for row in rows)
        if operation is GET_SUPPLIER_INVOICES:
            [invoice] = rows
            assert invoice["Suppliers_Invoice_Number"] == "INV-7781"
            assert invoice["Due_Date"] == "2026-12-01"
            assert invoice["Purchase_Orders"] == ["PO-000045"]

    assert [status(Response(500, {}, file.read_bytes())) for file in faults] == [401, 403, 400]
    told = [str(explain(Response(400, {}, file.read_bytes()), "")) for file in faults]
    assert "at ns1:Supplier_Reference[1]; an id of type Supplier_ID is not known" in told[2]


def test_a_full_page_is_read_fast_and_in_little_memory(specs: Path) -> None:
    """A page of 999 of the sample's suppliers, 9 MB: the elements of those that were read are let go."""
    sample = (specs / "workday" / "samples" / "Get_Suppliers_Response.synthetic.xml").read_bytes()
    head, _, rest = sample.partition(b"<wd:Supplier>")
    one = b"<wd:Supplier>" + rest.partition(b"</wd:Supplier>")[0] + b"</wd:Supplier>"
    tail = rest.rpartition(b"</wd:Supplier>")[2]
    page = head.replace(b"<wd:Page_Results>2<", b"<wd:Page_Results>999<") + one * 999 + tail
    started = time.process_time()
    rows = read_page(GET_SUPPLIERS, page, None).rows
    seconds = time.process_time() - started
    print(f"{len(rows) / seconds:.0f} suppliers/s, {len(page) / seconds / 1e6:.0f} MB/s")

    assert len(rows) == 999
    assert len(page) > 5_000_000
    assert seconds < 3


@pytest.mark.parametrize(
    ("version", "criteria"),
    [("v40.0", ()), ("v48.0", ()), ("v46.1", (("Updated_From_Date", "2026-11-20T08:00:00Z"),))],
)
async def test_the_emulator_refuses_other_versions_and_half_a_window(
    workday: Tenant, version: str, criteria: Sequence[Part]
) -> None:
    async with workday.client(suppliers={"version": version}) as client:
        read = client.settings.suppliers
        assert isinstance(read, SoapRead)
        asked: list[Part] = [("Request_Criteria", criteria)] if criteria else []
        with pytest.raises(Misconfigured, match="Get_Suppliers"):
            await client.page(GET_SUPPLIERS, read, asked, page=1, as_of=datetime.now(UTC), count=1)
