"""QAD and Workday as the tests of both see them: a tenant that reads one of them, and what Zendesk must then hold.

What each record should have become is spelled out here once more, without the mapping engine: a fault of the engine
must not excuse itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle, islice
from typing import Any, ClassVar

from prefect.client.schemas.objects import State

from flows import qad_zendesk, workday_zendesk
from tests.e2e.reconcile import doubled
from tests.installation import Installation, Sandbox
from tests.second_tenant import OtherTenant

Row = dict[str, Any]

QAD = """
  qad:
    system: qad
    origin: {sandbox}/qad/clouderp
    requests_per_minute: 6000
    auth: {{type: oauth_password, token_url: "{sandbox}/qad/clouderp/oauth/token", client_id: ml-connector,
            username: mlc}}
    entities:
      customers:
        browse: urn:browse:mfg:cm300
        key: [customerCode]
        fields: {{customerCode: debtor.DebtorCode, businessRelationName: businessRelation.BusinessRelationName1,
                  city: address.AddressCity, EMail: address.AddressEMail, isActive: debtor.DebtorIsActive}}
        links: {{recordUrl: "https://qad.example/clouderp/#/customer?code={{customerCode}}"}}
        last_modified: debtor.LastModifiedDate
        page_size: 7
      contacts:
        browse: urn:browse:mfg:cm803
        key: [contactCode]
        fields: {{contactCode: contact.ContactID, customerCode: debtor.DebtorCode, name: contact.ContactName,
                  EMail: contact.ContactEMail, telephone: contact.ContactTelephone}}
        page_size: 7
      orders:
        browse: urn:browse:mfg:so803
        key: [orderNumber]
        fields: {{orderNumber: so_nbr, customerCode: so_cust, orderDate: so_ord_date, status: so_stat}}
"""
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


class Erp(ABC):
    """Tenant ``acme`` between one of the two and Zendesk, both empty."""

    integration: ClassVar[str]
    prefix: str
    reading: ClassVar[str]
    """The path of the calls that read records."""
    connections: ClassVar[str]
    streams: ClassVar[str]
    synced: ClassVar[tuple[str, ...]]
    """The streams of ``sync``."""
    sync_flow: ClassVar[Any]
    ticket_flow: ClassVar[Any]

    def __init__(
        self, installed: Installation, *, page_size: int | None = None, name: str | None = None, unlimited: bool = True
    ) -> None:
        """``name``: of the tenant, which then begins its external ids."""
        connections = self.connections
        if name is not None:
            self.prefix = f"{name}-"
        if page_size is not None:
            connections = connections.replace("page_size: 7", f"page_size: {page_size}")
            connections = connections.replace("page_size: 20", f"page_size: {page_size}")
        self.tenant = OtherTenant(
            *(installed, self.integration, connections, self.streams, self.prefix),
            name=name or "acme",
            unlimited=unlimited,
        )
        self.sandbox: Sandbox = installed.sandbox

    async def prepare(self, records: int) -> None:
        """Store the secrets, create the fields, and let the ERP hold ``records`` customers with all that belongs to
        them."""
        self.sandbox.settings("zendesk", export_excludes_seconds=0)
        await self.tenant.prepare([*self.synced, "tickets"])
        self.seed(records)

    async def sync(self, run: str | None = None, **how: Any) -> State[Any]:
        """Run the flow's own body; see `Installation.sync`."""
        return await self.tenant.run(self.sync_flow, run, **{"streams": self.synced, **how})

    async def look_at_tickets(self, run: str | None = None, **how: Any) -> State[Any]:
        """The same with the flow of the tickets."""
        return await self.tenant.run(self.ticket_flow, run, **how)

    @abstractmethod
    def seed(self, records: int) -> None: ...

    @abstractmethod
    def change(self, count: int) -> Counter[str]:
        """Let so many customers change, and what belongs to them; the effects that there must be in Zendesk."""
        ...

    @abstractmethod
    def make_tickets(self, count: int) -> dict[int, Row]:
        """Tickets that customers write, with what their fields must hold then, by title."""
        ...

    @abstractmethod
    def organizations(self) -> dict[str, Row]:
        """What each organization must be, by external id."""
        ...

    def users(self) -> dict[str, Row]:
        """The same of users."""
        return {}

    def wrong(self) -> list[str]:
        """What is lost, wrong or too much in Zendesk, or was done twice. Empty: all is right."""
        organizations, users = held(self.sandbox, "organizations"), held(self.sandbox, "users")
        key_of = {row["id"]: key for key, row in organizations.items()}
        for user in users.values():
            user["organization"] = key_of.get(user["organization_id"])
        return [
            *_compared("organization", self.organizations(), organizations),
            *_compared("user", self.users(), users),
            *[one for one in doubled(self.sandbox) if ".created" in one],
        ]


class Qad(Erp):
    integration = "qad_zendesk"
    prefix = "qad-"
    reading = "*/browses"
    connections = QAD
    streams = """
      organizations: {every: 10m, delay: 0s}
      users: {every: 10m, delay: 0s}
      orders: {every: 1h, enabled: true}
      tickets: {every: 10m, delay: 0s, start_from: now}
"""
    synced = ("organizations", "users", "orders")
    sync_flow = qad_zendesk.sync_customers
    ticket_flow = qad_zendesk.tie_tickets

    def seed(self, records: int) -> None:
        for collection in ("customers", "contacts", "orders"):
            self.sandbox.seed("qad", collection, records)

    def change(self, count: int) -> Counter[str]:
        self.sandbox.mutate("qad", "customers", count=count, set={"address.AddressCity": "Bergen"})
        self.sandbox.mutate("qad", "contacts", count=count, set={"contact.ContactTelephone": "+47 55 1"})
        return Counter({"organization.updated": count, "user.updated": count})

    def make_tickets(self, count: int) -> dict[int, Row]:
        code_of = {row["contact.ContactID"]: row["debtor.DebtorCode"] for row in self.sandbox.state("qad", "contacts")}
        made = {}
        for external_id, user in islice(cycle(held(self.sandbox, "users").items()), count):
            ticket = make(self.sandbox, "A question", requester_id=user["id"])
            made[ticket] = {"QAD customer": code_of[external_id.removeprefix(self.prefix)]}
        return made

    def organizations(self) -> dict[str, Row]:
        ordered = Counter(row["so_cust"] for row in self.sandbox.state("qad", "orders"))
        return {
            f"{self.prefix}{row['debtor.DebtorCode']}": {
                "name": row["businessRelation.BusinessRelationName1"],
                "qad_customer": row["debtor.DebtorCode"],
                "qad_active": str(row["debtor.DebtorIsActive"]).lower(),
                "qad_address": row["address.AddressCity"],
                "qad_email": row["address.AddressEMail"],
                "qad_record": f"https://qad.example/clouderp/#/customer?code={row['debtor.DebtorCode']}",
                "qad_order_count": ordered[row["debtor.DebtorCode"]] or None,
            }
            for row in self.sandbox.state("qad", "customers")
        }

    def users(self) -> dict[str, Row]:
        return {
            f"{self.prefix}{row['contact.ContactID']}": {
                "name": row["contact.ContactName"],
                "email": row["contact.ContactEMail"],
                "phone": row["contact.ContactTelephone"] or None,
                "organization": f"{self.prefix}{row['debtor.DebtorCode']}",
            }
            for row in self.sandbox.state("qad", "contacts")
        }


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


ERPS: tuple[type[Erp], ...] = (Qad, Workday)


def held(sandbox: Sandbox, kind: str) -> dict[str, Row]:
    """What Zendesk holds of ours, by external id; custom fields stand beside the others."""
    rows = [row for row in sandbox.state("zendesk", kind) if row["external_id"]]
    found = {row["external_id"]: {**row, **row.get("organization_fields", {})} for row in rows}
    assert len(found) == len(rows), f"{kind} have an external id in common"
    return found


def shown(sandbox: Sandbox) -> dict[int, Row]:
    """What the fields of each ticket hold, by title."""
    titles = {row["id"]: row["title"] for row in sandbox.state("zendesk", "ticket_fields")}
    return {
        ticket["id"]: {titles[one["id"]]: one["value"] for one in ticket["custom_fields"] if one["value"] is not None}
        for ticket in sandbox.state("zendesk", "tickets")
    }


def make(sandbox: Sandbox, text: str, *, subject: str = "A question", **ticket: Any) -> int:
    """Somebody writes a ticket; its id."""
    return int(sandbox.mutate("zendesk", "tickets", create={"subject": subject, "comment": text, **ticket})[0])


def _compared(kind: str, wanted: dict[str, Row], found: dict[str, Row]) -> Iterator[str]:
    yield from (f"{kind} {key}: it is not there" for key in wanted.keys() - found.keys())
    yield from (f"{kind} {key}: nobody in the ERP" for key in found.keys() - wanted.keys())
    for key in wanted.keys() & found.keys():
        yield from (f"{kind} {key}: {name}" for name, value in wanted[key].items() if found[key].get(name) != value)
