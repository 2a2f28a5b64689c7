"""Workday, as `erps.Erp`."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle, islice

from flows import workday_zendesk
from tests.e2e.erps import Erp, Row, make

WORKDAY = """
  workday:
    system: workday
    origin: {sandbox}/workday
    tenant: acme
    requests_per_minute: 6000
    suppliers: {{page_size: 20}}
    supplier_invoices: {{page_size: 20}}
    auth: {{type: oauth_refresh_token, token_url: "{sandbox}/workday/ccx/oauth2/acme/token", client_id: ml-connector}}
"""


class Workday(Erp):
    integration = "workday_zendesk"
    prefix = "workday-"
    reading = "/ccx/service/*"
    connections = WORKDAY
    streams = """
      organizations: {every: 30m, delay: 0s}
      invoices: {every: 1h}
      purchase_orders: {every: 1h}
      payments: {every: 1h}
      kept_invoices: {every: 1h}
      kept_orders: {every: 30m, delay: 0s}
      kept_payments: {every: 1h}
      tickets: {every: 10m, delay: 0s, start_from: now}
"""
    synced = ("organizations", "invoices", "purchase_orders", "payments", "kept_invoices")
    sync_flow = workday_zendesk.sync_suppliers
    ticket_flow = workday_zendesk.enrich_tickets

    def seed(self, records: int) -> None:
        self.sandbox.seed("workday", "suppliers", records)
        self.sandbox.seed("workday", "supplier_invoices", 2 * records)
        self.sandbox.seed("workday", "purchase_orders", records)

    def change(self, count: int) -> Counter[str]:
        there = {row["external_id"] for row in self.sandbox.state("zendesk", "organizations")}
        keys = [key.removeprefix(self.prefix) for key in sorted(there)[:count]]
        self.sandbox.mutate("workday", "suppliers", keys=keys, set={"Status": "INACTIVE"})
        return Counter({"organization.updated": count})

    def make_tickets(self, count: int) -> dict[int, Row]:
        made = {}
        for invoice in islice(cycle(self.sandbox.state("workday", "supplier_invoices")), count):
            ticket = make(self.sandbox, f"When is {invoice['Invoice_Number']} paid?")
            made[ticket] = {
                "Workday supplier": invoice["Supplier_Name"],
                "Workday invoice": invoice["Invoice_Number"],
                "Workday purchase order": invoice["Purchase_Order"],
                "Workday invoice amount": f"{invoice['Control_Amount_Total']} {invoice['Currency']}",
                "Workday invoice due": invoice["Due_Date"],
                "Workday payment status": invoice["Payment_Status"],
            }
        return made

    def organizations(self) -> dict[str, Row]:
        """Suppliers that are active, and those that were when they were seen."""
        there = {row["external_id"] for row in self.sandbox.state("zendesk", "organizations")}
        rows = {f"{self.prefix}{row['Supplier_ID']}": row for row in self.sandbox.state("workday", "suppliers")}
        sums = self._sums()
        return {
            key: {
                "name": row["Supplier_Name"],
                "workday_supplier": row["Supplier_ID"],
                "workday_status": row["Status"].lower(),
                "workday_payment_terms": "Net 30",
                "workday_email": row["Email_Address"],
                "workday_phone": row["Phone"],
                "workday_address": f"{row['Address_Line_1']}\n{row['Municipality']} {row['Postal_Code']}",
                **sums.get(row["Supplier_ID"], {}),
            }
            for key, row in rows.items()
            if row["Status"] == "ACTIVE" or key in there
        }

    def _sums(self) -> dict[str, Row]:
        since = (datetime.now(UTC) - timedelta(days=90)).date().isoformat()
        found: dict[str, Row] = {}
        by_supplier: dict[str, list[Row]] = {}
        for row in self.sandbox.state("workday", "supplier_invoices"):
            by_supplier.setdefault(row["Supplier_ID"], []).append(row)
        for key, rows in by_supplier.items():
            unpaid = [row for row in rows if row["Payment_Status"] != "Paid"]
            owed = sum((Decimal(row["Control_Amount_Total"]) for row in unpaid), Decimal(0))
            found[key] = {
                "workday_recent_invoices": sum(row["Invoice_Date"] >= since for row in rows),
                "workday_open_invoices": len(unpaid),
                "workday_open_amount": f"{owed} {rows[0]['Currency']}" if unpaid else None,
            }
        ordered = Counter(row["Supplier_ID"] for row in self.sandbox.state("workday", "purchase_orders"))
        for key, count in ordered.items():
            found.setdefault(key, {})["workday_order_count"] = count
        for payment in sorted(self.sandbox.state("workday", "payments"), key=lambda row: str(row["WID"])):
            found[payment["Supplier_ID"]]["workday_last_payment"] = payment["Payment_Reference_Number"]
        return found
