"""The demo's suppliers of Workday: what must arrive in Zendesk, and the tickets in which some name their invoices."""

from __future__ import annotations

from collections import Counter

from ml_connector.cli.emulators import Emulators

FLOW = "workday-zendesk-sync-suppliers"
TICKETS_FLOW = "workday-zendesk-enrich-tickets"
RECORDS = {"suppliers": 30, "supplier_invoices": 60, "purchase_orders": 20}
PAID = 10
TICKETS = 6


async def enter(vendors: Emulators) -> Counter[str]:
    """Let Workday have suppliers, invoices, orders and payments; what must arrive."""
    for collection, count in RECORDS.items():
        await vendors.seed("workday", collection, count)
    await vendors.mutate("workday", "supplier_invoices", PAID, pay=1)
    suppliers = await vendors.objects("workday", "suppliers")
    active = {supplier["Supplier_ID"] for supplier in suppliers if supplier["Status"] == "ACTIVE"}
    summed = [
        {document["Supplier_ID"] for document in await vendors.objects("workday", collection)} & active
        for collection in ("supplier_invoices", "purchase_orders", "payments")
    ]
    return Counter({"zendesk organization.created": len(active), "zendesk organization.updated": sum(map(len, summed))})


async def write_tickets(vendors: Emulators) -> None:
    """People of suppliers ask for the payment of an invoice."""
    organizations = {
        str(organization["external_id"]).removeprefix("workday-"): organization["id"]
        for organization in await vendors.objects("zendesk", "organizations")
    }
    invoices = {row["Supplier_ID"]: row for row in await vendors.objects("workday", "supplier_invoices")}
    for supplier in sorted(invoices.keys() & organizations.keys())[:TICKETS]:
        email = f"{supplier.lower()}@supplier.example"
        [user] = await vendors.create(
            "zendesk", "users", name=f"Accounting of {supplier}", email=email, organization_id=organizations[supplier]
        )
        text = f"When is {invoices[supplier]['Suppliers_Invoice_Number']} paid?"
        await vendors.create("zendesk", "tickets", subject="Payment", comment=text, requester_id=int(user))
