"""Documents in the Oracle emulator: how they come, how they are cut, and what happens to them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from ml_connector.sandbox.serve import SandboxThread
from tests.sandbox.fusion import get

API = "/fscmRestApi/resources/11.13.18.05"


@pytest.fixture(autouse=True)
def documents(vendors: SandboxThread) -> None:
    for collection in ("purchase_orders", "invoices", "holds", "journal_batches"):
        vendors.emulators["oracle_fusion"].seed(collection, 50, 3)


def state(vendors: SandboxThread, collection: str) -> list[dict[str, Any]]:
    return vendors.emulators["oracle_fusion"].state(collection)


def test_a_seed_makes_the_same_documents_and_they_add_up(vendors: SandboxThread) -> None:
    first = {name: state(vendors, name) for name in ("invoices", "purchase_orders", "journal_batches")}
    assert first["invoices"][0]["Supplier"] in {row["Supplier"] for row in state(vendors, "suppliers")}
    for invoice in first["invoices"]:
        lines, installments = invoice["invoiceLines"], invoice["invoiceInstallments"]
        assert sum(line["LineAmount"] for line in lines) == invoice["InvoiceAmount"]
        assert sum(one["GrossAmount"] for one in installments) == invoice["InvoiceAmount"]
        for line in lines:
            assert sum(one["DistributionAmount"] for one in line["invoiceDistributions"]) == line["LineAmount"]
    for batch in first["journal_batches"]:
        for journal in batch["journalHeaders"]:
            debit, credit = (
                sum((line[side] or Decimal(0) for line in journal["journalLines"]), Decimal(0))
                for side in ("EnteredDr", "EnteredCr")
            )
            assert debit == credit == journal["RunningTotalDr"]
    vendors.reset()
    for collection in ("purchase_orders", "invoices"):
        vendors.emulators["oracle_fusion"].seed(collection, 50, 3)
    again = state(vendors, "invoices")
    assert [row["InvoiceNumber"] for row in again] == [row["InvoiceNumber"] for row in first["invoices"]]
    assert [row["InvoiceAmount"] for row in again] == [row["InvoiceAmount"] for row in first["invoices"]]


def test_no_more_than_25_rows_and_two_levels_come_along(vendors: SandboxThread, fusion: httpx.Client) -> None:
    held = max(state(vendors, "invoices"), key=lambda row: len(row["invoiceLines"]))
    by_id = f"InvoiceId = {held['InvoiceId']}"
    found = get(fusion, f"{API}/invoices", q=by_id, expand="invoiceLines.invoiceDistributions")
    invoice = found["items"][0]
    assert (invoice["invoiceLines"]["count"], invoice["invoiceLines"]["hasMore"]) == (25, True)
    assert invoice["invoiceLines"]["items"][0]["invoiceDistributions"]["items"]
    address = next(link["href"] for link in invoice["links"] if link["rel"] == "self").rpartition("/")[2]
    lines = get(fusion, f"{API}/invoices/{address}/child/invoiceLines", offset="50", orderBy="LineNumber:asc")
    assert [line["LineNumber"] for line in lines["items"]] == list(range(51, 61))
    order = get(fusion, f"{API}/purchaseOrders", expand="lines.schedules.distributions", limit="1")["items"][0]
    assert "distributions" not in order["lines"]["items"][0]["schedules"]["items"][0]
    line = f"{API}/purchaseOrders/{order['links'][0]['href'].rpartition('/')[2]}/child/lines"
    schedules = get(fusion, line, expand="schedules.distributions")["items"][0]["schedules"]["items"]
    assert schedules[0]["distributions"]["items"]
    assert fusion.get(f"{line}/1/child/schedules").status_code == 404


def test_what_happens_to_documents(vendors: SandboxThread) -> None:
    emulator = vendors.emulators["oracle_fusion"]

    def row(collection: str, key: str) -> dict[str, Any]:
        id_attribute = {"invoices": "InvoiceId", "purchase_orders": "POHeaderId", "journal_batches": "JeBatchId"}
        return next(one for one in state(vendors, collection) if str(one[id_attribute[collection]]) == key)

    holds = len(state(vendors, "holds"))
    (invoice,) = emulator.mutate("invoices", {"create": 1})
    emulator.mutate("invoices", {"keys": [invoice], "do": "hold"})
    (hold,) = state(vendors, "holds")[holds:]
    assert (hold["InvoiceNumber"], hold["ReleaseDate"]) == (row("invoices", invoice)["InvoiceNumber"], None)
    emulator.mutate("holds", {"keys": [hold["HoldId"]], "do": "release"})
    assert state(vendors, "holds")[holds]["ReleaseDate"] is not None
    emulator.mutate("invoices", {"keys": [invoice], "do": "validate"})
    emulator.mutate("invoices", {"keys": [invoice], "do": "pay"})
    paid = row("invoices", invoice)
    assert (paid["ValidationStatus"], paid["PaidStatus"], paid["AmountPaid"]) == (
        "Validated",
        "Paid",
        paid["InvoiceAmount"],
    )
    assert not any(one["UnpaidAmount"] for one in paid["invoiceInstallments"])

    (order,) = emulator.mutate("purchase_orders", {"count": 1, "do": "send"})
    assert row("purchase_orders", order)["Status"] == "Pending Supplier Acknowledgment"
    emulator.mutate("purchase_orders", {"keys": [order], "do": "acknowledge"})
    assert row("purchase_orders", order)["StatusCode"] == "OPEN"

    (batch,) = emulator.mutate("journal_batches", {"count": 1, "do": "fail"})
    assert row("journal_batches", batch)["ErrorMessage"]
    emulator.mutate("journal_batches", {"keys": [batch], "do": "post"})
    assert (row("journal_batches", batch)["Status"], row("journal_batches", batch)["ErrorMessage"]) == ("P", None)
