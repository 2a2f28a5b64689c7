"""The demo's documents, and who must be told of them: by the rules of ``tenants/demo.yaml``, counted once more here."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from ml_connector.cli.emulators import Emulators

FLOW = "oracle-slack-notify"
DOCUMENTS = {"invoices": 6, "holds": 4, "journal_batches": 4}
ACKNOWLEDGED = 3
_LARGE_INVOICE = {"USD": 100_000, "EUR": 90_000}
_LARGE_BATCH = {"USD": 10_000, "EUR": 9_000}


async def enter(vendors: Emulators) -> Counter[str]:
    """Documents are entered in Oracle, and orders go out to suppliers; what must arrive in which channel."""
    for collection, count in DOCUMENTS.items():
        await vendors.seed("oracle_fusion", collection, count)
    await vendors.mutate("oracle_fusion", "purchaseOrders", ACKNOWLEDGED, do="send")
    told: Counter[str] = Counter()
    for invoice in await vendors.objects("oracle_fusion", "invoices"):
        large = _is_large(_LARGE_INVOICE, invoice["InvoiceCurrency"], invoice["InvoiceAmount"])
        told["procurement"] += 1
        told["finance"] += large or invoice["ValidationStatus"] == "Needs revalidation"
        told["operations"] += invoice["InvoiceReceivedDate"] is not None
    for hold in await vendors.objects("oracle_fusion", "invoiceHolds"):
        told["procurement"] += hold["ReleaseDate"] is None
    for batch in await vendors.objects("oracle_fusion", "journalBatches"):
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for journal in batch["journalHeaders"]:
            sums[journal["LedgerCurrencyCode"]] += Decimal(str(journal["RunningTotalAccountedDr"]))
        large = any(_is_large(_LARGE_BATCH, currency, amount) for currency, amount in sums.items())
        told["finance"] += large or batch["Status"] not in ("U", "P", "S", "I")
    return posted(told)


async def acknowledge(vendors: Emulators) -> Counter[str]:
    """Suppliers acknowledge their orders; what must arrive."""
    orders = await vendors.objects("oracle_fusion", "purchaseOrders")
    sent = [str(order["POHeaderId"]) for order in orders if order["Status"] == "Pending Supplier Acknowledgment"]
    await vendors.mutate("oracle_fusion", "purchaseOrders", len(sent), keys=sent, do="acknowledge")
    return posted(Counter({"operations": len(sent)}))


def posted(told: Counter[str]) -> Counter[str]:
    """As `Emulators.effects` names them."""
    return Counter({f"slack message.posted in #{channel}": count for channel, count in told.items() if count})


def _is_large(limits: dict[str, int], currency: str, amount: Any) -> bool:
    return currency in limits and Decimal(str(amount)) >= limits[currency]
