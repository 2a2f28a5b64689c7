"""The demo's boards: which tasks must stand on them, and the ones that people complete there."""

from __future__ import annotations

from collections import Counter

from ml_connector.cli.emulators import Emulators

FLOW = "oracle-asana-sync-costs"


async def tasks(vendors: Emulators) -> Counter[str]:
    """What must arrive in Asana: a task for each order and invoice, and the suppliers as options of a field."""
    documents = [
        *await vendors.objects("oracle_fusion", "purchaseOrders"),
        *await vendors.objects("oracle_fusion", "invoices"),
    ]
    suppliers = {row["Supplier"] for row in await vendors.objects("oracle_fusion", "suppliers")}
    return Counter({"asana task.created": len(documents), "asana enum_option.created": len(suppliers)})
