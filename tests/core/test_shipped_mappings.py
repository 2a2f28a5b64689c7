"""Every mapping that ships fits the models of its two systems, and no two write the same field."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from connectors.registry import system
from ml_connector.core.mapping import Mapping, compile_mapping, load_mapping
from ml_connector.core.routing import CONTEXT
from ml_connector.core.tenants import INTEGRATIONS, load_tenant

ROOT = Path(__file__).resolve().parents[2]
MAPPINGS = ROOT / "mappings"
STREAMS = [(name, stream) for name, pair in INTEGRATIONS.items() for stream in pair.streams]


def model(name: str) -> type[BaseModel]:
    where, _, class_name = name.partition(".")
    return system(where).models[class_name]


def shipped(integration: str, stream: str) -> Mapping:
    spec = load_mapping(MAPPINGS / integration / f"{stream}.yaml")
    context = CONTEXT if INTEGRATIONS[integration].routed else ()
    return compile_mapping(spec, model(spec.source), model(spec.target), context)


@pytest.mark.parametrize(("integration", "stream"), STREAMS)
def test_a_shipped_mapping_compiles_and_joins_what_its_integration_joins(integration: str, stream: str) -> None:
    mapping = shipped(integration, stream)
    pair = INTEGRATIONS[integration]

    ends = [mapping.source.partition(".")[0], mapping.target.partition(".")[0]]
    joined = {pair.source, pair.destination}
    to_itself = [pair.destination] * 2  # from tickets to tickets
    assert set(ends) == joined or ends in (to_itself, [pair.source, "kept"])
    assert {*mapping.links.values(), *mapping.backlinks.values()} <= set(pair.streams)


def test_no_mapping_lies_about_that_no_stream_uses() -> None:
    assert {(file.parent.name, file.stem) for file in MAPPINGS.glob("*/*.yaml")} == set(STREAMS)


@pytest.mark.parametrize("integration", INTEGRATIONS)
def test_no_custom_field_is_written_by_two_streams(integration: str) -> None:
    """Each would overwrite what the other has just written, for ever. Tasks are each one stream's own."""
    written = Counter(
        f"{container}.{key}"
        for stream in INTEGRATIONS[integration].streams
        for mapping in [shipped(integration, stream)]
        if mapping.target != "asana.Task"
        for container, fields in mapping.custom_fields.items()
        for key in fields
    )

    assert [field for field, writers in written.items() if writers > 1] == []


PARTY = "300000001234567"
TICKET = {
    "id": "42",
    "subject": "Part is broken",
    "status": "solved",
    "requester": {"name": "Ann Example", "email": "ann@acme.example"},
    "assignee": None,
    "organization_id": "900",
    "last_public_comment": {"author": "Bob Agent", "body": "It is mended,\nand <b>paid</b>."},
    "url": "https://acme.zendesk.com/agent/tickets/42",
}
TOLD = """Zendesk ticket 42: Part is broken
Status: solved
Requester: Ann Example <ann@acme.example>
https://acme.zendesk.com/agent/tickets/42

Bob Agent wrote:
It is mended,
and <b>paid</b>."""
EXAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "organizations": (
        {"PartyId": PARTY, "PartyNumber": "10001", "OrganizationName": "Acme", "Country": "NO", "Status": "A"}
        | {"Address1": "1 Main St", "City": "Oslo"},
        {
            "external_id": "10001",
            "name": "Acme",
            "organization_fields": {
                "erp_number": "10001",
                "erp_status": "active",
                "billing_country": "NO",
                "billing_address": "1 Main St, Oslo",
            },
        },
    ),
    "users": (
        {"PartyId": "7", "PartyNumber": "20001", "PersonName": "Ann Example", "EmailAddress": "Ann@Acme.example"}
        | {"RawMobilePhoneNumber": "+47 1", "OrganizationPartyId": PARTY, "Status": "I"},
        {
            "external_id": "20001",
            "name": "Ann Example",
            "email": "ann@acme.example",
            "phone": "+47 1",
            "organization_id": PARTY,
            "create": False,
            "user_fields": {"erp_status": "inactive"},
        },
    ),
    "receivables": (
        {"CustomerId": PARTY, "AccountNumbers": ["A-1", "A-2"], "TotalOpenReceivables": "1250.50"}
        | {"TotalTransactionsDue": "0", "LedgerCurrencyCode": "EUR"},
        {
            "id": PARTY,
            "organization_fields": {
                "account_number": "A-1, A-2",
                "open_receivables": "1250.5",
                "due_receivables": "0",
                "receivables_currency": "EUR",
            },
        },
    ),
    "credit_profiles": (
        {"CustomerId": PARTY, "CreditLimit": None, "CreditCurrencyCode": "EUR", "CreditHold": False}
        | {"PaymentTerms": "Net 30"},
        {
            "id": PARTY,
            "organization_fields": {
                "credit_limit": None,
                "credit_currency": "EUR",
                "credit_hold": False,
                "payment_terms": "Net 30",
            },
        },
    ),
    "supplier_orders": (
        {"SupplierPartyId": PARTY, "OrderCount": 2, "Amounts": {"USD": "80.00", "EUR": "1250.00"}},
        {
            "id": PARTY,
            "organization_fields": {"purchase_order_count": 2, "purchase_order_amount": "1250.00 EUR, 80.00 USD"},
        },
    ),
    "ticket_notes": (TICKET, {"PartyId": "900", "title": "Zendesk ticket 42", "text": TOLD}),
    "ticket_attachments": (TICKET, {"PartyId": "900", "title": "Zendesk ticket 42", "text": TOLD}),
    "ticket_fields": (
        TICKET,
        {
            "PartyId": "900",
            "fields": {
                "ZendeskTicket_c": "42",
                "ZendeskTicketStatus_c": "solved",
                "ZendeskTicketSubject_c": "Part is broken",
                "ZendeskTicketUrl_c": "https://acme.zendesk.com/agent/tickets/42",
            },
        },
    ),
    "contact_drift": (
        {"id": "5", "external_id": "20001", "name": "Ann Example", "emails": ["ann@acme.example"], "phone": None},
        {"PartyNumber": "20001", "name": "Ann Example", "emails": ["ann@acme.example"]},
    ),
}


@pytest.mark.parametrize("stream", INTEGRATIONS["oracle_zendesk"].streams)
def test_what_a_record_becomes(stream: str) -> None:
    body, expected = EXAMPLES[stream]

    payload = shipped("oracle_zendesk", stream).apply(body)
    written = payload | {name: _digits(value) for name, value in payload.items() if name == "organization_fields"}

    assert expected == {name: value for name, value in written.items() if value is not None}


def _digits(fields: dict[str, Any]) -> dict[str, Any]:
    """Amounts as their digits: Decimal("1250.5") == 1250.5 would hide a float."""
    return {key: value if isinstance(value, (str, int, type(None))) else f"{value:f}" for key, value in fields.items()}


def test_what_is_longer_than_its_field_is_cut_and_no_reason_to_refuse_a_record() -> None:
    organization = shipped("oracle_zendesk", "organizations").apply({"PartyNumber": "1", "OrganizationName": "A" * 360})
    user = shipped("oracle_zendesk", "users").apply(
        {"PartyNumber": "2", "PersonName": "A" * 450, "OrganizationPartyId": PARTY}
    )
    orders = [{"PurchaseOrderNumber": f"US-{n:06}"} for n in range(200)]
    task = shipped("oracle_asana", "invoices").apply(
        {"InvoiceId": "1", "InvoiceNumber": "A", "Supplier": "Acme", "invoiceLines": orders}
    )

    assert organization["name"] == user["name"] == "A" * 254 + "…"
    assert len(task["custom_fields"]["po_number"]) == 1000


def test_the_examples_of_the_readmes_work(tmp_path: Path) -> None:
    for folder, name in (("tenants", "acme"), ("mappings", "organizations")):
        example = re.search(r"```yaml\n(.*?)```", (ROOT / folder / "README.md").read_text(), re.DOTALL)
        assert example is not None
        (tmp_path / f"{name}.yaml").write_text(example[1])

    acme = load_tenant(tmp_path / "acme.yaml", ROOT / "tenants" / "defaults.yaml")
    overlay = acme.integrations["oracle_zendesk"].streams["organizations"].mapping
    documented = load_mapping(tmp_path / "organizations.yaml")
    overlaid = load_mapping(MAPPINGS / "oracle_zendesk" / "organizations.yaml", overlay)

    for spec in (documented, overlaid):
        compile_mapping(spec, model(spec.source), model(spec.target))


@pytest.mark.parametrize(
    ("unpaid", "due"),
    [(["0.00", "50.00"], "2026-12-01"), (["50.00", 50], "2026-11-01"), ([0, "0.00"], "2026-11-01")],
)
def test_an_invoice_is_due_when_the_first_of_what_is_not_paid_is(unpaid: list[Any], due: str) -> None:
    dates = ("2026-11-01", "2026-12-01")
    rows = [{"DueDate": date, "UnpaidAmount": amount} for date, amount in zip(dates, unpaid, strict=True)]
    invoice = {"InvoiceId": "1", "InvoiceNumber": "A", "Supplier": "Acme", "invoiceInstallments": rows}

    payload = shipped("oracle_asana", "invoices").apply(invoice)

    assert payload["due_on"] == payload["custom_fields"]["due_date"] == due
