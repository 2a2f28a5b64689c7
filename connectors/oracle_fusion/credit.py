"""Credit limits and payment terms of customers, one SOAP call per customer account."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime

from connectors.oracle_fusion.amounts import total, written
from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.profile import OPERATION, Profile, active_profile
from connectors.oracle_fusion.settings import SYSTEM
from connectors.oracle_fusion.totals import Receivables
from ml_connector.core.errors import AbortRun, RejectRecord
from ml_connector.core.records import Body, Page, SourceRecord, Window

log = logging.getLogger(__name__)

CONCURRENCY = 4
"""Calls in flight; Oracle publishes no limit for its SOAP services, four is what practitioners find harmless."""
SUSPICIOUS = 5
"""So many customers of a page refused, and none accepted: it is not the customers."""


class CreditProfiles:
    """Credit limit, hold and payment terms of each customer that has an account; source id: CustomerId, a PartyId."""

    system = SYSTEM
    operation = OPERATION
    windowed = False
    continues = False

    def __init__(self, client: OracleFusion) -> None:
        self.client = client
        self._customers = Receivables(client)
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def clock(self) -> datetime:
        """The pod's time, UTC."""
        return await self.client.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """One record per customer.

        A customer whose profile the service refuses to tell is left out, and named in the log: no record leaves the
        last known limit where it is, an empty one would wipe it. `AbortRun` if a whole page is refused.
        """
        async for page in self._customers.read(window, cursor):
            records = await self._with_profiles(page.records)
            told = {record.source_id for record in records}
            untold = [one.source_id for one in page.records if one.source_id not in told]
            yield Page(records, page.cursor, page.request_id, untold)

    def absent(self, source_id: str, before: Body) -> None:
        """Of a customer that the list of accounts leaves out: its terms and its hold are no less in force for that."""

    async def _with_profiles(self, customers: list[SourceRecord]) -> list[SourceRecord]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._one(customer)) for customer in customers]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        records = [record for task in tasks if (record := task.result()) is not None]
        if not records and len(customers) >= SUSPICIOUS:
            raise AbortRun(
                f"the customer profile service refuses all {len(customers)} customers of a page; the log has its codes",
                vendor=SYSTEM,
                phase=OPERATION,
            )
        return records

    async def _one(self, customer: SourceRecord) -> SourceRecord | None:
        try:
            profiles = [await self._profile(number) for number in customer.body["AccountNumbers"]]
        except RejectRecord as refused:
            log.warning("no credit profile of customer %s: %s", customer.source_id, refused.message)
            return None
        return SourceRecord(customer.source_id, None, _body(customer.source_id, profiles))

    async def _profile(self, account_number: str) -> Profile | None:
        async with self._slots:
            return await active_profile(self.client, account_number)


def _body(customer_id: str, of_accounts: list[Profile | None]) -> Body:
    """The profiles of a customer's accounts as one. One account on hold is a hold.

    Limits in one currency are added up; in several there is no sum, nor beside an account without a limit: that one may
    owe any amount, and the limit of the others is not the customer's.
    """
    profiles = [profile for profile in of_accounts if profile is not None]
    limited = [profile for profile in profiles if profile.limit is not None]
    currencies = {profile.currency for profile in limited}
    comparable = len(currencies) == 1 and len(limited) == len(of_accounts)
    terms = dict.fromkeys(profile.terms for profile in profiles if profile.terms)
    return {
        "CustomerId": customer_id,
        "CreditLimit": written(total(profile.limit for profile in limited)) if comparable else None,
        "CreditCurrencyCode": currencies.pop() if comparable else None,
        "CreditHold": any(profile.hold for profile in profiles),
        "PaymentTerms": ", ".join(terms) or None,
    }
