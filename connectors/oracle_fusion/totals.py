"""What is added up per party: receivables of a customer, orders to a supplier.

Neither moves the party's LastUpdateDate, so each read is a full one; the content alone tells whether something changed.
The rows come ordered by party, so no more than one party is held in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Protocol

from connectors.oracle_fusion.amounts import amount, total, written
from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.order_status import status_code
from connectors.oracle_fusion.page_size import PageSize
from connectors.oracle_fusion.paging import CollectionPage, Keyset
from connectors.oracle_fusion.ranks import ByNumber
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core import jsonx
from ml_connector.core.records import Body, Page, SourceRecord, Window


class _Total(Protocol):
    """What has been added up of one party so far."""

    def __init__(self, party_id: str) -> None: ...

    def add(self, row: Body) -> None: ...

    def body(self) -> Body: ...


class _TotalPerParty:
    """One resource, added up per ``party``. Parties with an id above 0, in the order of their ids."""

    system = SYSTEM
    windowed = False
    continues = False
    root: Root = "fscmRestApi"
    resource: ClassVar[str]
    party: ClassVar[str]
    tail: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]
    total: ClassVar[type[_Total]]

    def __init__(self, client: OracleFusion) -> None:
        self.client = client
        self.operation = client.operation(self.root, self.resource)
        self._size = PageSize(client.settings.page_size)

    @property
    def queried(self) -> tuple[str, ...]:
        """The attributes that must be queryable."""
        return (self.party, self.tail)

    async def clock(self) -> datetime:
        """The pod's time, UTC."""
        return await self.client.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:  # noqa: ARG002 - a full read
        """One record per party. The cursor is the last party that is complete."""
        after = int(jsonx.loads(cursor)["after"]) if cursor else 0
        keyset = Keyset(self._fetch, ByNumber(self.party), self.tail, since=after, until=None, phase=self.operation)
        current: str | None = None
        running: _Total | None = None
        request_id: str | None = None
        async for page in keyset.read(None):
            records = []
            for row in page.rows:
                party_id = str(row[self.party])
                if party_id != current:
                    if running is not None:
                        records.append(SourceRecord(str(current), None, self._body(running)))
                    current, running = party_id, self.total(party_id)
                assert running is not None  # noqa: S101 - set with current
                running.add(row)
            request_id = page.request_id
            if records:
                yield Page(records, _behind(records), request_id)
        if running is not None:
            records = [SourceRecord(str(current), None, self._body(running))]
            yield Page(records, _behind(records), request_id)

    def absent(self, source_id: str, before: Body) -> Body:  # noqa: ARG002 - of sums nothing stays
        """Of a party of which the resource has no rows."""
        return self._body(self.total(source_id))

    def _body(self, of_party: _Total) -> Body:
        return of_party.body()

    async def _fetch(self, q: str, order_by: str) -> CollectionPage:
        return await self._size.ask(
            lambda size, retry: self.client.collection(
                self.root,
                self.resource,
                q=q,
                order_by=order_by,
                limit=size,
                fields=",".join(self.fields),
                retry=retry,
            )
        )


def _behind(records: list[SourceRecord]) -> str:
    return jsonx.dumps({"after": records[-1].source_id}).decode()


class _Balance:
    def __init__(self, party_id: str) -> None:
        self.party_id = party_id
        self.accounts = 0
        self.numbers: list[str] = []
        self.open: Decimal | None = None
        self.due: Decimal | None = None

    def add(self, row: Body) -> None:
        self.accounts += 1
        if row.get("AccountNumber"):
            self.numbers.append(str(row["AccountNumber"]))
        self.open = total((self.open, _amount(row, "TotalOpenReceivablesForAccount")))
        self.due = total((self.due, _amount(row, "TotalTransactionsDueForAccount")))

    def body(self) -> Body:
        return {
            "CustomerId": self.party_id,
            "AccountCount": self.accounts,
            "AccountNumbers": self.numbers,
            "TotalOpenReceivables": written(self.open),
            "TotalTransactionsDue": written(self.due),
        }


class Receivables(_TotalPerParty):
    """Account numbers, open and due amounts of a customer over all its accounts; source id: CustomerId, a PartyId.

    Read through ``q`` and not through CustomerAccountActivitiesFinder, which wants one customer at least named:
    https://docs.oracle.com/en/cloud/saas/financials/23d/farfa/Get_Started_Receivables_Customer_Account_Site_Activities.html
    The amounts carry no currency: they are in that of the ledger, which is said to be ``LedgerCurrencyCode``.
    """

    resource = "receivablesCustomerAccountActivities"
    party = "CustomerId"
    tail = "AccountId"
    fields = (
        "AccountId",
        "CustomerId",
        "AccountNumber",
        "TotalOpenReceivablesForAccount",
        "TotalTransactionsDueForAccount",
    )
    total = _Balance

    def absent(self, source_id: str, before: Body) -> Body:
        """Of a customer that the list leaves out: nothing is open. Its accounts may be there without any activity."""
        kept = {name: before[name] for name in ("AccountCount", "AccountNumbers") if name in before}
        nothing = {"TotalOpenReceivables": "0", "TotalTransactionsDue": "0"}
        return super().absent(source_id, before) | kept | nothing

    def _body(self, of_party: _Total) -> Body:
        return of_party.body() | {"LedgerCurrencyCode": self.client.settings.ledger_currency}


class _Orders:
    def __init__(self, party_id: str) -> None:
        self.party_id = party_id
        self.count = 0
        self.amounts: dict[str, Decimal] = {}

    def add(self, row: Body) -> None:
        if status_code(row) in NO_ORDER:
            return
        self.count += 1
        ordered = _amount(row, "Ordered")
        if ordered is not None and row.get("CurrencyCode"):
            currency = str(row["CurrencyCode"])
            self.amounts[currency] = self.amounts.get(currency, Decimal(0)) + ordered

    def body(self) -> Body:
        amounts: dict[str, Any] = {currency: written(self.amounts[currency]) for currency in sorted(self.amounts)}
        return {"SupplierPartyId": self.party_id, "OrderCount": self.count, "Amounts": amounts}


NO_ORDER = frozenset({"INCOMPLETE", "PENDING APPROVAL", "REJECTED", "WITHDRAWN", "CANCELED", "CANCELLED"})
"""Status codes of purchase orders that were never given to the supplier, or taken back. Unknown codes count."""


class SupplierOrders(_TotalPerParty):
    """Number of purchase orders to a party that is a supplier, and their amounts before tax by currency."""

    resource = "purchaseOrders"
    party = "SupplierPartyId"
    tail = "POHeaderId"
    fields = ("POHeaderId", "SupplierPartyId", "StatusCode", "CurrencyCode", "Ordered")
    total = _Orders


def _amount(row: Body, attribute: str) -> Decimal | None:
    return amount(row.get(attribute), attribute)
