"""How documents come to be, and what happens to them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from connectors.oracle_fusion.sandbox import finance_seed as invented
from connectors.oracle_fusion.sandbox.finance_resources import (
    INVOICE_HOLDS,
    INVOICES,
    JOURNAL_BATCHES,
    PURCHASE_ORDERS,
    RECEIVABLES_INVOICES,
)
from connectors.oracle_fusion.sandbox.resources import SUPPLIERS, Row, timestamp
from connectors.oracle_fusion.sandbox.seed import company, moments, organization, purchase_order, supplier
from connectors.oracle_fusion.sandbox.table import Table
from ml_connector.sandbox.world import World

SEEDED = {
    "invoices": INVOICES.name,
    "holds": INVOICE_HOLDS.name,
    "purchase_orders": PURCHASE_ORDERS.name,
    "journal_batches": JOURNAL_BATCHES.name,
    "receivables_invoices": RECEIVABLES_INVOICES.name,
}
SELLERS = 12
"""Suppliers that are invented where there are none."""
FIRST = 5_000_000
"""Documents that are seeded by themselves are numbered from here: those of customers' suppliers stand before them."""


@dataclass(slots=True)
class Finance:
    """The documents in the tables of a pod."""

    world: World
    tables: Mapping[str, Table]
    made: dict[str, int] = field(default_factory=dict)

    def seed(self, collection: str, count: int, seed: int) -> None:
        """Documents of the last 300 days."""
        if collection not in SEEDED:
            known = ", ".join(("customers", "contacts", "employees", "supplier_contacts", *SEEDED))
            raise ValueError(f"no collection {collection!r} to seed; there are {known}")
        rng = self._random(SEEDED[collection], seed)
        self._add(SEEDED[collection], rng, moments(rng, count, self.world.now()))

    def create(self, table: Table, count: int, seed: int) -> list[Row]:
        """Documents that are entered now."""
        name, now = table.resource.name, self.world.now()
        if name not in SEEDED.values():
            raise ValueError(f"{name} cannot be created this way")
        return self._add(name, self._random(name, seed), [now] * count, entered_now=True)

    def hold(self, invoice: Row, at: datetime) -> None:
        """A new hold on an invoice."""
        rng = self._random(INVOICE_HOLDS.name, invoice["InvoiceId"])
        number = 3 * self._number(INVOICE_HOLDS.name)  # one that is not released
        held = invented.created(invented.hold(rng, number, invoice, at), at)
        self.tables[INVOICE_HOLDS.name].add([held])

    def _add(self, name: str, rng: random.Random, dates: list[datetime], *, entered_now: bool = False) -> list[Row]:
        make = {
            INVOICES.name: self._invoice,
            INVOICE_HOLDS.name: self._hold,
            PURCHASE_ORDERS.name: self._order,
            JOURNAL_BATCHES.name: invented.journal_batch,
            RECEIVABLES_INVOICES.name: self._receivable,
        }[name]
        rows = [make(rng, self._number(name), modified) for modified in dates]
        if entered_now:
            rows = [invented.created(row, at) for row, at in zip(rows, dates, strict=True)]
        self.tables[name].add(rows)
        return rows

    def _invoice(self, rng: random.Random, number: int, modified: datetime) -> Row:
        orders = self.tables[PURCHASE_ORDERS.name].rows
        order = orders[rng.choice(sorted(orders))] if orders and rng.random() < 0.5 else None
        sellers = {row["Supplier"]: row for row in self._sellers()}
        seller = sellers[order["Supplier"]] if order else rng.choice(list(sellers.values()))
        return invented.invoice(rng, number, seller, order, modified)

    def _hold(self, rng: random.Random, number: int, modified: datetime) -> Row:
        invoices = self.tables[INVOICES.name].rows
        if not invoices:
            raise ValueError("holds are put on invoices: seed invoices first")
        return invented.hold(rng, number, invoices[rng.choice(sorted(invoices))], modified)

    def _order(self, rng: random.Random, number: int, modified: datetime) -> Row:
        order = purchase_order(rng, rng.choice(self._sellers()), FIRST + number, modified)
        return invented.many_schedules(rng, order, number)

    def _receivable(self, rng: random.Random, number: int, modified: datetime) -> Row:
        return invented.receivables_invoice(rng, number, company(number)[0], modified)

    def _sellers(self) -> list[Row]:
        table = self.tables[SUPPLIERS.name]
        if not table.rows:
            rng, now = random.Random("sellers"), self.world.now()
            parties = [organization(rng, FIRST + number, now) for number in range(SELLERS)]
            table.add(supplier(rng, party, FIRST + number, now) for number, party in enumerate(parties))
        return list(table.rows.values())

    def _number(self, name: str) -> int:
        self.made[name] = self.made.get(name, -1) + 1
        return self.made[name]

    def _random(self, name: str, seed: int) -> random.Random:
        return random.Random(f"{seed}/{self.made.get(name, 0)}/{name}")


def _validate(_: Finance, __: Row, ___: datetime) -> Row:
    return {"ValidationStatus": "Validated"}


def _account(_: Finance, __: Row, ___: datetime) -> Row:
    return {"AccountingStatus": "Accounted"}


def _pay(_: Finance, invoice: Row, at: datetime) -> Row:
    for installment in invoice["invoiceInstallments"]:
        installment |= {"UnpaidAmount": Decimal(0), "LastUpdateDate": timestamp(at)}
    return {"PaidStatus": "Paid", "AmountPaid": invoice["InvoiceAmount"]}


def _cancel(_: Finance, __: Row, at: datetime) -> Row:
    return {"CanceledFlag": True, "CanceledDate": at.date().isoformat(), "CanceledBy": "casey.brown"}


def _hold(finance: Finance, invoice: Row, at: datetime) -> Row:
    finance.hold(invoice, at)
    return {"ValidationStatus": "Needs revalidation"}


def _release(_: Finance, __: Row, at: datetime) -> Row:
    reason = "Approved by the buyer."
    return {"ReleaseName": "Approved", "ReleaseReason": reason, "ReleaseDate": at.date().isoformat()}


def _status(status: str) -> Callable[[Finance, Row, datetime], Row]:
    return lambda _, __, ___: {"Status": status, "StatusCode": status.upper()}


def _send_out(_: Finance, __: Row, at: datetime) -> Row:
    return {
        "Status": "Pending Supplier Acknowledgment",
        "StatusCode": "PENDING SUPPLIER ACKNOWLEDGMENT",
        "RequiredAcknowledgment": "Document",
        "RequiredAcknowledgmentCode": "D",
        "AcknowledgmentDueDate": at.date().isoformat(),
    }


def _post(_: Finance, __: Row, at: datetime) -> Row:
    return {"Status": "P", "StatusMeaning": "Posted", "PostedDate": at.date().isoformat(), "ErrorMessage": None}


def _fail(_: Finance, __: Row, ___: datetime) -> Row:
    # Whatever is not U, S, I or P is an error; which letter says what, no public document tells.
    return {"Status": "E", "StatusMeaning": "Error", "ErrorMessage": "The accounting period is not open."}


ACTIONS: Mapping[str, Mapping[str, Callable[[Finance, Row, datetime], Row]]] = {
    INVOICES.name: {"validate": _validate, "account": _account, "pay": _pay, "cancel": _cancel, "hold": _hold},
    INVOICE_HOLDS.name: {"release": _release},
    PURCHASE_ORDERS.name: {
        "send": _send_out,
        "acknowledge": _status("Open"),
        "reject": _status("Rejected"),
        "hold": _status("On Hold"),
        "close": _status("Closed"),
    },
    JOURNAL_BATCHES.name: {"post": _post, "fail": _fail},
}
"""What ``mutate`` may ``do`` to documents, by resource: the values that a row is given."""
