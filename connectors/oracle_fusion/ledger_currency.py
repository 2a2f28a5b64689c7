"""Which currency the amounts of receivables are in: Oracle sends them without one, in that of each account's ledger."""

from __future__ import annotations

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.general_ledger import ROOT
from ml_connector.core.errors import ConnectorError
from ml_connector.core.findings import Finding

_SEVERAL = (
    "each total of receivables is in the currency of a ledger that it does not name, and those of a customer are added "
    "up. Give the user of the connection data access to the business units of one currency only, and write "
    "that as `ledger_currency`; or switch the stream of receivables off"
)


async def ping_currency(client: OracleFusion) -> Finding:
    """Whether amounts of several currencies may be added up, as far as the user of the connection sees ledgers."""
    said = client.settings.ledger_currency
    try:
        page = await client.collection(ROOT, "ledgersLOV")
    except ConnectorError as error:
        what = f"receivables: in {said or 'an unknown currency'}, ledgers cannot be read"
        return Finding(True, what, f"{error}. If there are ledgers in several currencies: {_SEVERAL}")
    # secondary ledgers and reporting currencies show the same receivables once more
    primary = [row for row in page.rows if row.get("LedgerCategoryCode", "PRIMARY") == "PRIMARY"]
    seen = sorted({str(row["CurrencyCode"]) for row in primary if row.get("CurrencyCode")})
    if said is None and len(seen) > 1:
        return Finding(False, f"receivables: ledgers in {', '.join(seen)}, and no ledger_currency", _SEVERAL)
    if said is not None and seen and said not in seen:
        return Finding(False, f"receivables: no ledger in {said}, the ledger_currency", f"there are {', '.join(seen)}")
    return Finding(True, f"receivables: in {said or 'the currency of the ledger, which ledger_currency would show'}")
