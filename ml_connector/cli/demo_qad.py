"""The demo's customers of QAD: what must arrive in Zendesk, and the tickets of some of their contacts."""

from __future__ import annotations

from collections import Counter

from ml_connector.cli.emulators import Emulators

FLOW = "qad-zendesk-sync-customers"
TICKETS_FLOW = "qad-zendesk-tie-tickets"
RECORDS = {"customers": 40, "contacts": 30, "orders": 25}
TICKETS = 6


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
    users = await vendors.objects("zendesk", "users")
    contacts = [user["id"] for user in users if str(user["external_id"]).startswith("qad-")]
    for user_id in contacts[:TICKETS]:
        await vendors.create("zendesk", "tickets", subject="Where is our order?", requester_id=user_id)
