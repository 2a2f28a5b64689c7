"""The demo's boards: which tasks must stand on them, and what becomes of those that people complete."""

from __future__ import annotations

from collections import Counter

from ml_connector.cli.emulators import Emulators

FLOW = "oracle-asana-sync-costs"
JOURNALS_FLOW = "oracle-asana-post-journals"
COMPLETED = 8
_NOT_IN_FORCE = ("Canceled", "Incomplete", "Pending Approval", "Rejected", "Withdrawn")


async def tasks(vendors: Emulators) -> Counter[str]:
    """What must arrive in Asana: a task for each order and invoice, and the suppliers as options of a field."""
    documents = [
        *await vendors.objects("oracle_fusion", "purchaseOrders"),
        *await vendors.objects("oracle_fusion", "invoices"),
    ]
    suppliers = {row["Supplier"] for row in await vendors.objects("oracle_fusion", "suppliers")}
    return Counter({"asana task.created": len(documents), "asana enum_option.created": len(suppliers)})


async def complete(vendors: Emulators) -> None:
    """People complete the tasks of some orders that are in force: each must become a journal."""
    orders = await vendors.objects("oracle_fusion", "purchaseOrders")
    in_force = [f"po:{order['POHeaderId']}" for order in orders if order["Status"] not in _NOT_IN_FORCE]
    await vendors.mutate("asana", "tasks", COMPLETED, keys=in_force[:COMPLETED], complete=True)


def batches() -> Counter[str]:
    """What must arrive in Oracle then."""
    return Counter({"oracle_fusion journal_batch": COMPLETED})
