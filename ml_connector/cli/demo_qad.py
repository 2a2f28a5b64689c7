"""The demo's customers of QAD: what must arrive in Zendesk, and the tickets of some of their contacts."""

from __future__ import annotations

from collections import Counter

from ml_connector.cli.emulators import Emulators

FLOW = "qad-zendesk-sync-customers"
TICKETS_FLOW = "qad-zendesk-tie-tickets"
RECORDS = {"customers": 40, "contacts": 30, "orders": 25}
TICKETS = 6
CUSTOMER = "10C1033"
"""Whose contact writes the first ticket."""


async def enter(vendors: Emulators) -> Counter[str]:
    """Let QAD have customers, contacts and orders; what must arrive."""
    for collection, count in RECORDS.items():
        await vendors.seed("qad", collection, count)
    ordering = {order["so_cust"] for order in await vendors.objects("qad", "orders")}
    return Counter(
        {
            "zendesk organization.created": RECORDS["customers"],
            "zendesk organization.updated": len(ordering),
            "zendesk user.created": RECORDS["contacts"],
            "zendesk membership.created": RECORDS["contacts"],
            "zendesk identity.created": RECORDS["contacts"],
        }
    )


async def write_tickets(vendors: Emulators) -> None:
    """Contacts write to the support desk."""
    users = {str(user["external_id"]): user["id"] for user in await vendors.objects("zendesk", "users")}
    for contact in [key for key in sorted(users) if key.startswith("qad-")][:TICKETS]:
        await vendors.create("zendesk", "tickets", subject="Where is our order?", requester_id=users[contact])
