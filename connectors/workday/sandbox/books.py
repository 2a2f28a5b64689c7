"""What a tenant holds: suppliers, their invoices and orders, and payments. Rows are flat, under Workday's own names."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from ml_connector.sandbox.world import World

Row = dict[str, Any]
COLLECTIONS = ("suppliers", "supplier_invoices", "purchase_orders", "payments", "payment_terms")
_KEYS = {
    "suppliers": "Supplier_ID",
    "supplier_invoices": "Invoice_Number",
    "purchase_orders": "Document_Number",
    "payments": "Payment_Reference_Number",
}
_WORDS = ("Alpine", "Borealis", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Iris", "Juniper")
_KINDS = ("Supplies", "Logistics", "Consulting", "Metals", "Software & Söhne")
_CITIES = (("Springfield", "Illinois", "62701", "US"), ("München", "Bayern", "80331", "DE"))


class Books:
    """``updated`` of a row is when it was last changed; suppliers and orders can be asked by it. It is in whole
    seconds, as the Date header is by which people ask."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reset()

    def reset(self) -> None:
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in COLLECTIONS}
        terms = {"WID": wid_of("terms", 30), "Payment_Terms_ID": "NET_30", "Payment_Terms_Name": "Net 30"}
        self.rows["payment_terms"][terms["WID"]] = {**terms, "Due_Days": "30", "updated": self.world.now()}

    def state(self, collection: str) -> list[Row]:
        return [{**row, "updated": row["updated"].isoformat()} for row in self.rows[collection].values()]

    def seed(self, collection: str, count: int, seed: int) -> int:
        """Invoices and orders belong to suppliers: seed those first. Suppliers are paid by paying their invoices; the
        payments of a seed are those of expenses to employees."""
        make = {
            "suppliers": _supplier,
            "supplier_invoices": _invoice,
            "purchase_orders": _order,
            "payments": _expense,
        }[collection]
        suppliers = list(self.rows["suppliers"].values())
        if collection != "suppliers" and not suppliers:
            raise ValueError(f"{collection} belong to suppliers: seed suppliers first")
        first = len(self.rows[collection])
        rng = random.Random(f"{seed}/{collection}/{first}")
        now = self.world.now()
        for number in range(first, first + count):
            row = make(rng, number, now.date(), suppliers)
            row["updated"] = now - timedelta(days=1, seconds=rng.randrange(30 * 86_400))
            self.rows[collection][row["WID"]] = row
        return count

    def mutate(self, collection: str, change: Row) -> list[str]:
        """``keys`` or ``count``, and ``set``; of invoices also ``pay``: a part (0 to 1) of their amount is paid."""
        if unknown := change.keys() - {"keys", "count", "set", "pay"}:
            raise ValueError(f"a change has keys or count, set, pay; not {', '.join(sorted(unknown))}")
        rows = list(self._chosen(collection, change))
        for row in rows:
            if "pay" in change:
                self._pay(row, float(change["pay"]))
            row.update(change.get("set", {}))
            row["updated"] = self.world.now().replace(microsecond=0)
        return [str(row[_KEYS[collection]]) for row in rows]

    def stir(self, collection: str, rows: Iterable[Row]) -> None:
        """What people do while somebody reads: suppliers move, invoices are paid."""
        if collection == "suppliers":
            self.mutate(collection, {"keys": [row["Supplier_ID"] for row in rows], "set": {"Municipality": "Oslo"}})
        if collection == "supplier_invoices":
            unpaid = [row["Invoice_Number"] for row in rows if row["Payment_Status"] == "Unpaid"]
            self.mutate(collection, {"keys": unpaid, "pay": 1})

    def _chosen(self, collection: str, change: Row) -> Iterable[Row]:
        rows = self.rows[collection].values()
        if "keys" not in change:
            return list(rows)[: int(change["count"])]
        wanted = set(change["keys"])
        return [row for row in rows if row[_KEYS[collection]] in wanted]

    def _pay(self, invoice: Row, part: float) -> None:
        invoice["Payment_Status"] = "Paid" if part >= 1 else "Partially Paid"
        total = int(invoice["Control_Amount_Total"].replace(".", ""))
        paid = total if part >= 1 else int(total * part)
        number = str(5001 + len(self.rows["payments"]))
        wid = wid_of("payment", number)
        self.rows["payments"][wid] = {
            "WID": wid,
            "Payment_Reference_Number": number,
            "Payment_Status": "Complete",
            "Payment_Amount": _cents(paid),
            "Currency": invoice["Currency"],
            "Payment_Date": self.world.now().date().isoformat(),
            "Supplier_WID": invoice["Supplier_WID"],
            "Supplier_ID": invoice["Supplier_ID"],
            "Supplier_Name": invoice["Supplier_Name"],
            "Document_ID": invoice["Invoice_Number"],
            "Document_Reference": invoice["Suppliers_Invoice_Number"],
            "Document_Date": invoice["Invoice_Date"],
            "Total_Payable_Amount": invoice["Control_Amount_Total"],
            "Amount_Paid": _cents(paid),
            "Amount_Due": _cents(total - paid),
            "updated": self.world.now(),
        }


def wid_of(kind: str, number: object) -> str:
    """A stable id of 32 hexadecimal digits."""
    return hashlib.md5(f"{kind}/{number}".encode(), usedforsecurity=False).hexdigest()


def updated_between(rows: Iterable[Row], lo: datetime | None, hi: datetime | None) -> list[Row]:
    """Both ends included."""
    return [row for row in rows if (lo is None or row["updated"] >= lo) and (hi is None or row["updated"] <= hi)]


def _supplier(rng: random.Random, number: int, _: date, __: list[Row]) -> Row:
    city, region, postal_code, country = rng.choice(_CITIES)
    return {
        "WID": wid_of("supplier", number),
        "Supplier_ID": f"S-{100_000 + number}",
        "Supplier_Reference_ID": f"SUPPLIER-6-{number}",
        "Supplier_Name": f"{rng.choice(_WORDS)} {rng.choice(_KINDS)} {number}",
        "Status": "ACTIVE" if rng.random() < 0.9 else "INACTIVE",
        "Email_Address": f"ap{number}@supplier.example",
        "Phone": f"+1 (517) 555-{number % 10_000:04}",
        "Address_Line_1": f"{number} Main St",
        "Municipality": city,
        "Country_Region": region,
        "Postal_Code": postal_code,
        "Country": country,
        "Currency": "USD" if country == "US" else "EUR",
    }


def _of(supplier: Row) -> Row:
    names = ("Supplier_ID", "Supplier_Name", "Currency")
    return {"Supplier_WID": supplier["WID"], **{name: supplier[name] for name in names}}


def _invoice(rng: random.Random, number: int, today: date, suppliers: list[Row]) -> Row:
    issued = today - timedelta(days=rng.randrange(120))
    return {
        "WID": wid_of("invoice", number),
        "Supplier_Invoice_ID": f"SUPPLIER_INVOICE-6-{number}",
        "Invoice_Number": f"SI-{number:06}",
        "Suppliers_Invoice_Number": f"INV-{7000 + number}",
        **_of(rng.choice(suppliers)),
        "Invoice_Date": issued.isoformat(),
        "Due_Date": (issued + timedelta(days=30)).isoformat(),
        "Control_Amount_Total": _cents(rng.randrange(1_000, 5_000_000)),
        "Payment_Status": "Unpaid",
        "Document_Status": "Approved",
        "Purchase_Order": f"PO-{number:06}",
    }


def _order(rng: random.Random, number: int, today: date, suppliers: list[Row]) -> Row:
    ordered = today - timedelta(days=rng.randrange(120))
    return {
        "WID": wid_of("order", number),
        "Purchase_Order_ID": f"PURCHASE_ORDER-3-{number}",
        "Document_Number": f"PO-{number:06}",
        **_of(rng.choice(suppliers)),
        "Document_Date": ordered.isoformat(),
        "Due_Date": (ordered + timedelta(days=45)).isoformat(),
        "Lines": [_cents(rng.randrange(1_000, 500_000)) for _ in range(rng.randint(1, 3))],
    }


def _expense(rng: random.Random, number: int, today: date, _: list[Row]) -> Row:
    return {
        "WID": wid_of("expense", number),
        "Payment_Reference_Number": str(5001 + number),
        "Payment_Status": "Complete",
        "Payment_Amount": _cents(rng.randrange(1_000, 50_000)),
        "Currency": "USD",
        "Payment_Date": today.isoformat(),
        "Employee_ID": str(21_000 + number),
        "Employee_WID": wid_of("worker", number),
        "Name": f"Erin Employee {number}",
    }


def _cents(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02}"
