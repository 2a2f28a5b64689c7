"""What a journal is checked against before it is handed in: its ledger, the period, the account combinations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.literals import literal
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import Misconfigured, RetryLater
from ml_connector.core.records import Body

ROOT: Root = "fscmRestApi"
GENERAL_LEDGER = 101
"""The ApplicationId of General Ledger: each application has periods of its own in a ledger."""


@dataclass(slots=True, frozen=True)
class Ledger:
    ledger_id: str
    name: str
    currency: str
    chart_of_accounts: str
    """The number by which account combinations name their chart."""


@dataclass(slots=True, frozen=True)
class Period:
    """An accounting period. ``status``: O open, F future (may be entered, not posted), C closed, P permanently closed,
    N never opened, W close pending. https://docs.oracle.com/en/cloud/saas/financials/24c/oedmf/glperiodstatuses-9793.html
    """

    name: str
    status: str
    first: date
    last: date


@dataclass(slots=True, frozen=True)
class Combination:
    """An account combination; ``segments`` by the names that the tenant's chart of accounts gives them."""

    combination_id: str
    segments: Mapping[str, str]
    enabled: bool
    """And neither a summary nor closed for detail posting."""
    first: date | None = None
    last: date | None = None
    """The days on which it may be used, both included; None: no bound."""

    def is_postable(self, day: date) -> bool:
        """Whether a journal of this day may name it."""
        return self.enabled and (self.first or day) <= day <= (self.last or day)


class GeneralLedger:
    """Looks things up in one pod; nothing is kept, a period may be closed at any time."""

    def __init__(self, client: OracleFusion) -> None:
        self._client = client

    async def ledger(self, name: str) -> Ledger:
        """By its name. `Misconfigured` if the user of the connection sees no ledger of that name."""
        rows = await self._rows("ledgersLOV", f"Name = {self._literal(name)}", "LedgerId")
        found = [row for row in rows if row.get("Name") == name]
        if len(found) != 1:
            raise Misconfigured(
                f"{len(found)} ledgers of this name are seen: compare it with Fusion, and give the user of the "
                "connection a data access set with the ledger",
                vendor=SYSTEM,
                phase=self._client.operation(ROOT, "ledgersLOV"),
            )
        row = found[0]
        return Ledger(str(row["LedgerId"]), name, str(row["CurrencyCode"]), str(row["ChartOfAccountsId"]))

    async def periods(self, ledger: Ledger) -> list[Period]:
        """The periods of General Ledger in a ledger, by their first day, with their status at this moment.

        `Misconfigured` if none is seen: the user has no access to the ledger.
        """
        where = f"ApplicationId = {GENERAL_LEDGER} and LedgerId = {ledger.ledger_id}"
        rows = await self._rows("accountingPeriodStatusLOV", where, "PeriodNameId")
        if not rows:
            raise Misconfigured(
                "no accounting period of the ledger is seen: give the user of the connection access to it",
                vendor=SYSTEM,
                phase=self._client.operation(ROOT, "accountingPeriodStatusLOV"),
            )
        periods = [
            Period(
                str(row["PeriodNameId"]),
                str(row.get("ClosingStatus", "")),
                date.fromisoformat(str(row["StartDate"])[:10]),
                date.fromisoformat(str(row["EndDate"])[:10]),
            )
            for row in rows
        ]
        return sorted(periods, key=lambda period: (period.first, period.last))

    async def combination(self, combination_id: str, segments: Collection[str] = ()) -> Combination | None:
        """By its id, such as the POChargeAccountId of an order's distribution; None if there is none. ``segments`` as
        for `combination_of_row`."""
        finder = f"PrimaryKey;_CODE_COMBINATION_ID={int(combination_id)}"
        page = await self._client.collection(ROOT, "accountCombinationsLOV", finder=finder, limit=1)
        return combination_of_row(page.rows[0], segments) if page.rows else None

    async def combination_of(self, ledger: Ledger, segments: Mapping[str, str]) -> Combination | None:
        """By all its segments, under their names; None if there is none (it may still be made by a journal where the
        ledger allows that). `Misconfigured` where the pod does not know a segment by this name, or these are not all.
        """
        named = [f"{name} = {self._literal(value)}" for name, value in segments.items()]
        where = " and ".join([f"_CHART_OF_ACCOUNTS_ID = {ledger.chart_of_accounts}", *named])
        rows = await self._rows("accountCombinationsLOV", where, "_CODE_COMBINATION_ID")
        found = [one for row in rows if (one := combination_of_row(row, segments)).segments == dict(segments)]
        if len(found) > 1:
            raise Misconfigured(
                f"{len(found)} accounts have the same values of {', '.join(segments)}: name all segments of the chart",
                vendor=SYSTEM,
                phase=self._client.operation(ROOT, "accountCombinationsLOV"),
            )
        return found[0] if found else None

    async def _rows(self, resource: str, where: str, order: str) -> list[Body]:
        found: list[Body] = []
        before: list[Body] = []
        while True:
            page = await self._client.rows(ROOT, resource, q=where, order_by=f"{order}:asc", offset=len(found))
            if not page.rows and page.has_more:
                raise RetryLater(
                    "an empty page came that says that there are more rows: ask again later",
                    vendor=SYSTEM,
                    phase=self._client.operation(ROOT, resource),
                )
            if page.rows == before and page.has_more:
                raise RetryLater(
                    "the same page came twice: ask again later",
                    vendor=SYSTEM,
                    phase=self._client.operation(ROOT, resource),
                )
            if page.rows == before:  # none; or all of them, where the resource knows of no offset
                return found
            found += page.rows
            before = page.rows

    def _literal(self, text: str) -> str:
        written = literal(text)
        if written is None:
            raise Misconfigured(
                "a name or a segment of an account has characters that Oracle cannot be asked for", vendor=SYSTEM
            )
        return written


def period_of(periods: Iterable[Period], day: date) -> Period | None:
    """The period that a day belongs to. Adjusting periods lie within an ordinary one, which is longer and is meant."""
    holding = [period for period in periods if period.first <= day <= period.last]
    return max(holding, key=lambda period: period.last - period.first, default=None)


def combination_of_row(row: Body, segments: Collection[str] = ()) -> Combination:
    """A row of accountCombinationsLOV. ``segments``: the names of its segments; what it does not have is left out.

    Without them all that look like some: beside its segments, whose names begin with a small letter, a row has
    attributes of Oracle's (JgzzReconFlag, Reference3, FinancialCategory, ...), and these with a capital or with ``_``.
    """
    names = segments or [name for name, value in row.items() if name[:1].islower() and isinstance(value, str)]
    return Combination(
        str(row["_CODE_COMBINATION_ID"]),
        {name: str(row[name]) for name in names if row.get(name) is not None},
        enabled=is_yes(row, "EnabledFlag")
        and is_yes(row, "DetailPostingAllowedFlag")
        and not is_yes(row, "SummaryFlag"),
        first=day_of(row, "StartDateActive"),
        last=day_of(row, "EndDateActive"),
    )


def day_of(row: Body, name: str) -> date | None:
    """A day that a row names. None too where it cannot be read: the import of a journal has the last word."""
    try:
        return date.fromisoformat(str(row.get(name) or "")[:10])
    except ValueError:
        return None


def is_yes(row: Body, flag: str) -> bool:
    """Whether a row has this flag."""
    return row.get(flag) in ("Y", True)
