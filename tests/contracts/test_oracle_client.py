"""Every request of the Oracle connector, against Oracle's published reference: paths, parameters, queryable attributes.

The fixture `pod` checks each request that any test of the connector sends; here all of them are sent, and counted.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from connectors.oracle_fusion import models
from connectors.oracle_fusion.attachments import Attachments
from connectors.oracle_fusion.customer_fields import CustomerAttributes
from connectors.oracle_fusion.documents import Documents
from connectors.oracle_fusion.finance import BANK_DETAILS, CARD_DETAILS
from connectors.oracle_fusion.journal_models import JournalBatch
from connectors.oracle_fusion.notes import Notes
from connectors.oracle_fusion.order_models import PurchaseOrder
from connectors.oracle_fusion.parties import PRIVATE
from connectors.oracle_fusion.payables_models import InvoiceHold, PayablesInvoice
from connectors.oracle_fusion.ping import ping
from connectors.oracle_fusion.receivables_models import ReceivablesInvoice
from connectors.oracle_fusion.streams import STREAMS
from connectors.oracle_fusion.supplier_models import Supplier
from connectors.oracle_fusion.suppliers import TAX_DETAILS
from connectors.oracle_fusion.totals import Receivables, SupplierOrders
from ml_connector.core.ids import uuid7
from ml_connector.core.records import Intent, State
from tests.connectors.oracle_pod import FAMILIES, PROFILE_SERVICE, check_request, collections, pod
from tests.connectors.reading import read

OURS = {"url", "rows_left_out", "invoice", "Active"}
"""What is added to a document."""
DOCUMENTS = ("purchase_orders", "invoices", "holds", "journal_batches", "receivables_invoices")
BELOW = {
    *("invoiceInstallments", "invoiceLines", "invoiceDistributions", "lines", "schedules"),
    *("journalHeaders", "journalLines"),
}
"""Collections that are read by themselves, because the documents that were made have too many rows in one of them."""


async def test_all_operations_of_the_client_keep_to_the_reference(specs: Path) -> None:
    assert (specs / "oracle" / "fusion_contract.json").is_file()
    with pod() as fusion:
        fusion.emulator.seed("customers", 60, 1)
        fusion.emulator.seed("contacts", 20, 1)
        for documents in DOCUMENTS:
            fusion.emulator.seed(documents, 50, 1)  # the last one has more rows below it than come along with it
        async with fusion.client(page_size=10, ledger_currency="EUR") as client:
            for open_stream in STREAMS.values():
                stream = open_stream(client)
                await read(stream)
                if isinstance(stream, Documents):
                    await read(stream.new_only())
            findings = await ping(client)

        assert all(finding.ok for finding in findings)
        assert fusion.violations() == []
        seen = {one.path.removeprefix("/oracle_fusion") for one in fusion.world.requests}
        polled = {name: root for name, (root, _) in FAMILIES.items() if name not in ("erpintegrations", "valueSets")}
        polled["accountCombinationsLOV"] = "fscmRestApi"
        resources = [f"/{root}/resources/11.13.18.05/{name}" for name, root in polled.items()]
        ledgers = "/fscmRestApi/resources/11.13.18.05/ledgersLOV"
        whole = {path for path in seen if "/child/" not in path}
        assert whole == {*resources, *(f"{path}/describe" for path in resources), PROFILE_SERVICE, ledgers}
        assert {path.rpartition("/")[2] for path in seen - whole} == BELOW
        queries = " ".join(one.query for one in fusion.world.requests)
        words = ("orderBy=", "q=", "fields=", "finder=", "limit=", "onlyData=true", "expand=", "links=self", "offset=")
        assert all(word in queries for word in words)


@pytest.mark.usefixtures("specs")
async def test_all_writes_of_the_client_keep_to_the_reference() -> None:
    with pod() as fusion:
        fusion.emulator.seed("customers", 1, 1)
        fusion.emulator.configure({"custom_attributes": {"Tickets_c": "integer"}})
        customer = fusion.held("customers")[0]
        party_id, number = str(customer["PartyId"]), customer["PartyNumber"]
        row = {"PartyId": party_id, "title": "Zendesk ticket 42", "text": "x"}
        async with fusion.client() as client:
            for destination, payload in (
                (Notes(client), row),
                (Attachments(client), row),
                (CustomerAttributes(client), {"PartyId": party_id, "fields": {"Tickets_c": 1}}),
            ):
                decisions = await destination.decide([Intent(uuid7(), "1", payload, None)])
                async for outcomes in destination.send(decisions):
                    assert [outcome.state for outcome in outcomes] == [State.APPLIED]
                assert [outcome.state for outcome in await destination.probe(decisions)] == [State.APPLIED]

        assert fusion.violations() == []
        base = f"/oracle_fusion/crmRestApi/resources/11.13.18.05/hubOrganizations/{number}"
        written = {(one.method, re.sub(r"\d{16}", "{}", one.path)) for one in fusion.world.requests if one.body}
        enclosure = f"{base}/child/Note/{{}}/enclosure/NoteTxt"
        rows = {("POST", f"{base}/child/Note"), ("POST", f"{base}/child/Attachment")}
        assert {(method, f"/oracle_fusion{path}") for method, path in written} == rows | {
            ("PUT", enclosure),
            ("PATCH", base),
        }


@pytest.mark.parametrize(
    ("path", "query", "problem"),
    [
        ("/crmRestApi/resources/latest/hubOrganizations", {"q": "FormattedAddress != 1"}, "not queryable"),
        ("/crmRestApi/resources/latest/hubOrganizations", {"q": "PartyId like 1"}, "another form"),
        ("/crmRestApi/resources/latest/hubOrganizations", {"orderBy": "Comment:asc"}, "ordered"),
        ("/crmRestApi/resources/latest/hubPersons", {"fields": "PartyNo"}, "no fields"),
        ("/crmRestApi/resources/latest/hubPersons", {"sort": "PartyId"}, "no parameters"),
        ("/fscmRestApi/resources/latest/hubPersons", {}, "not under"),
        ("/fscmRestApi/resources/latest/customers", {}, "not in the reference"),
        (
            "/crmRestApi/resources/latest/hubOrganizations/1/child/Note",
            {"q": "FormattedAddress = 'x'"},
            "not queryable",
        ),
        ("/crmRestApi/resources/latest/hubOrganizations/1/child/Notes", {}, "not in the reference"),
        ("/fscmRestApi/resources/latest/invoices", {"expand": "invoiceLines.distributions"}, "no collection"),
        ("/fscmRestApi/resources/latest/invoices/1/child/invoiceLines", {"orderBy": "Item:asc"}, "ordered"),
    ],
)
@pytest.mark.usefixtures("specs")
def test_the_check_notices_what_the_reference_does_not_allow(path: str, query: dict[str, str], problem: str) -> None:
    (found,) = check_request("GET", path, query, {"rest-framework-version": "4"})

    assert problem in found


@pytest.mark.parametrize(
    ("method", "below", "content_type", "body", "problem"),
    [
        ("POST", "/child/Note", "application/json", b'{"NoteText": "x"}', "no attributes"),
        ("POST", "/child/Note", "text/plain", b"{}", "a row as"),
        ("PUT", "/child/Note/1/enclosure/NoteTxt", "application/json", b"{}", "a large attribute as"),
        ("PUT", "/child/Note/1", "application/json", b"{}", "not in the reference"),
        ("PATCH", "", "application/json", b'{"Colour": 1}', "no attributes"),
    ],
)
@pytest.mark.usefixtures("specs")
def test_the_check_notices_writes_that_the_reference_does_not_allow(
    method: str, below: str, content_type: str, body: bytes, problem: str
) -> None:
    path = f"/crmRestApi/resources/latest/hubOrganizations/1{below}"
    headers = {"rest-framework-version": "4", "content-type": content_type}
    (found,) = check_request(method, path, {}, headers, body)

    assert problem in found


@pytest.mark.usefixtures("specs")
def test_the_models_name_attributes_of_the_reference_and_all_that_a_mapping_may_want() -> None:
    for model, resource, kept_out in (
        (models.HubOrganization, "hubOrganizations", frozenset()),
        (models.HubPerson, "hubPersons", PRIVATE),
        (PayablesInvoice, "invoices", BANK_DETAILS),
        (InvoiceHold, "invoiceHolds", frozenset()),
        (PurchaseOrder, "purchaseOrders", frozenset()),
        (JournalBatch, "journalBatches", frozenset()),
        (ReceivablesInvoice, "receivablesInvoices", CARD_DETAILS),
        (Supplier, "suppliers", TAX_DETAILS),
    ):
        response = collections()[resource]["response"]
        scalars = {name for name, kind in response.items() if isinstance(kind, str)}
        own = {name for name in model.model_fields if name in OURS or name in response.keys() - scalars}
        assert model.model_fields.keys() - own == scalars - kept_out


def test_the_models_of_rows_below_documents_name_attributes_of_the_reference(specs: Path) -> None:
    contract = json.loads((specs / "oracle" / "fusion_contract.json").read_text())
    documents: dict[str, type[BaseModel]] = {
        "invoices": PayablesInvoice,
        "purchaseOrders": PurchaseOrder,
        "journalBatches": JournalBatch,
        "receivablesInvoices": ReceivablesInvoice,
    }
    for resource, model in documents.items():
        _check_below(model, f"/{resource}", contract[FAMILIES[resource][1]])


def _check_below(model: type[BaseModel], path: str, operations: list[dict[str, Any]]) -> None:
    for name, field in model.model_fields.items():
        if get_origin(field.annotation) is tuple:
            below = get_args(field.annotation)[0]
            wanted = re.compile(re.escape(path) + r"/\{\w+\}/child/" + name)
            found = next(one for one in operations if one["method"] == "GET" and wanted.fullmatch(one["path"]))
            assert below.model_fields.keys() <= found["response"].keys(), name
            _check_below(below, found["path"], operations)


@pytest.mark.parametrize(
    ("stream", "model"),
    [(Receivables, models.ReceivablesBalance), (SupplierOrders, models.SupplierOrders)],
)
def test_totals_have_the_fields_of_their_models(
    stream: type[Receivables | SupplierOrders],
    model: type[models.ReceivablesBalance | models.SupplierOrders],
) -> None:
    of_the_settings = {"LedgerCurrencyCode"}
    assert stream.total("7").body().keys() == model.model_fields.keys() - of_the_settings
