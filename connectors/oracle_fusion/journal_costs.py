"""What a completion costs, what bears it and to which day it belongs. `RejectRecord` where that cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connectors.oracle_fusion.general_ledger import Combination, GeneralLedger, Ledger, Period, period_of
from connectors.oracle_fusion.journal_amounts import Account, Share, floored, is_payable
from connectors.oracle_fusion.journal_batches import PostedJournal
from connectors.oracle_fusion.journal_names import line_of
from connectors.oracle_fusion.journal_orders import Bearer, Order
from connectors.oracle_fusion.journal_payload import Journal
from connectors.oracle_fusion.journal_settings import JournalSettings
from connectors.oracle_fusion.settings import SYSTEM
from connectors.oracle_fusion.value_sets import SegmentValues
from ml_connector.core.errors import Misconfigured, RejectRecord

_OPEN = "O"
_SEGMENTS = "name all segments of the chart under `segments`, in its order, as accountCombinationsLOV names them"
_WORDS = {"F": "it may be entered, not posted", "C": "closed", "P": "permanently closed", "N": "never opened"}


@dataclass(slots=True, frozen=True)
class Cost:
    """An amount in the currency of the order, and what bears it. ``line``: of the order, where one line does."""

    amount: Decimal = field(repr=False)
    bearers: Sequence[Bearer]
    line: Decimal | None = None


def cost(journal: Journal, order: Order, posted: Iterable[PostedJournal], rule: str) -> Cost:
    """By the tenant's rule. ``posted``: the batches of the order, which with this one never exceed what was ordered."""
    before = list(posted)
    left = floored(order.ordered, order.currency) - _posted(before, order)
    found = _BY_RULE[rule](journal, order, before, left)
    if found.amount <= 0:
        raise _refused("the amount is not above zero")
    if not is_payable(found.amount, order.currency):
        raise _refused(f"the amount has more decimals than {order.currency} has")
    if found.amount > left:
        raise _refused("the amount exceeds what is left of the purchase order")
    return found


def _field(journal: Journal, order: Order, _: object, __: object) -> Cost:
    if journal.amount is None:
        raise _refused("the task names no amount")
    return Cost(journal.amount, order.bearers)


def _line(journal: Journal, order: Order, before: Sequence[PostedJournal], _: object) -> Cost:
    if journal.po_line is None:
        raise _refused("the task names no line of the purchase order")
    bearers = order.of_line(journal.po_line)
    if not bearers:
        raise _refused("the purchase order has no such line, or it is cancelled")
    if any(line_of(batch.description) == journal.po_line for batch in before):
        raise _refused("this line of the purchase order has a journal already")
    ordered = sum((bearer.ordered for bearer in bearers), Decimal(0))
    return Cost(floored(ordered, order.currency), bearers, journal.po_line)


def _remaining(_: object, order: Order, __: object, left: Decimal) -> Cost:
    if left <= 0:
        raise _refused("nothing is left of the purchase order")
    return Cost(left, order.bearers)


_BY_RULE = {"field": _field, "line": _line, "remaining": _remaining}


def _posted(batches: Iterable[PostedJournal], order: Order) -> Decimal:
    total = Decimal(0)
    for batch in batches:
        if batch.amount is None or batch.currency != order.currency:
            raise _refused(
                f"what is left of the purchase order cannot be told: batch {batch.batch_id} ({batch.name}) is not one "
                "balanced journal in its currency any more"
            )
        total += batch.amount
    return total


def accounting_date(
    completed_at: datetime, periods: Sequence[Period], settings: JournalSettings
) -> tuple[date, Period]:
    """The day of the completion where the ledger is, and its period; where that is not open, and the tenant wants it,
    the first day of the next one that is."""
    day = completed_at.astimezone(ZoneInfo(settings.time_zone)).date()
    period = period_of(periods, day)
    if period is not None and period.status == _OPEN:
        return day, period
    following = [one for one in periods if one.status == _OPEN and one.first > day]
    if settings.closed_period == "next_open" and following:
        following = [period_of(periods, following[0].first) or following[0]]
        return following[0].first, following[0]
    if period is None:
        raise _refused("the ledger has no accounting period for the day of the completion")
    what = _WORDS.get(period.status, "not open")
    then = "" if settings.closed_period == "reject" else ", and no later one is open"
    raise _refused(f"period {period.name} is not open ({period.status}: {what}){then}: open it, and replay the journal")


class Accounts:
    """The accounts of orders, each looked up once. For one chunk: an account may be disabled at any time."""

    def __init__(
        self, general_ledger: GeneralLedger, values: SegmentValues, ledger: Ledger, settings: JournalSettings
    ) -> None:
        self._general_ledger = general_ledger
        self._values = values
        self._ledger = ledger
        self._settings = settings
        self._by_id: dict[str, Combination | None] = {}
        self._by_segments: dict[Account, Combination | None] = {}

    async def shares(self, bearers: Iterable[Bearer], day: date) -> list[Share]:
        """Per distribution the account that bears its part, and the one to be credited for it; all may be posted to on
        the day."""
        return [await self._share(bearer, day) for bearer in bearers]

    async def _share(self, bearer: Bearer, day: date) -> Share:
        charged = await self._charged(bearer.combination_id)
        if bearer.account and not _is_written(self._account(charged), bearer.account):
            raise Misconfigured(
                f"orders show their charge accounts with other segments, or in another order: {_SEGMENTS}",
                vendor=SYSTEM,
            )
        centre = {self._settings.cost_centre_segment: self._settings.cost_centre} if self._settings.cost_centre else {}
        share = Share(
            bearer.ordered,
            cost=self._account({**charged, **centre}),
            clearing=self._account({**charged, **self._settings.clearing_account}),
        )
        if share.cost == share.clearing:
            raise _refused(f"account {_text(share.cost)} would be debited and credited with the same amount")
        for account in (share.cost, share.clearing):
            await self._must_be_open(account, day)
        return share

    async def _must_be_open(self, account: Account, day: date) -> None:
        combination = await self._combination(account)
        if combination is None or not combination.enabled:
            raise _refused(
                f"account {_text(account)} cannot be posted to: there is no such combination in the chart of the "
                "ledger, or it is disabled, or a summary account"
            )
        if not combination.is_postable(day):
            raise _refused(
                f"account {_text(account)} cannot be posted to on {day}: it may be used from "
                f"{combination.first or 'ever'} to {combination.last or 'ever'}"
            )
        if name := await self._values.closed(combination.segments, day):
            raise _refused(f"account {_text(account)} cannot be posted to on {day}: its {name} is not in use")

    async def _charged(self, combination_id: str) -> Mapping[str, str]:
        if combination_id not in self._by_id:
            self._by_id[combination_id] = await self._general_ledger.combination(
                combination_id, self._settings.segments
            )
        found = self._by_id[combination_id]
        if found is None:
            raise _refused(f"the charge account of the purchase order is not found (combination {combination_id})")
        if missing := [name for name in self._settings.segments if name not in found.segments]:
            raise Misconfigured(f"accounts have no segment {' and no '.join(missing)}: {_SEGMENTS}", vendor=SYSTEM)
        return found.segments

    async def _combination(self, account: Account) -> Combination | None:
        if account not in self._by_segments:
            segments = dict(zip(self._settings.segments, account, strict=True))
            self._by_segments[account] = await self._general_ledger.combination_of(self._ledger, segments)
        return self._by_segments[account]

    def _account(self, segments: Mapping[str, str]) -> Account:
        return tuple(segments[name] for name in self._settings.segments)


def _is_written(account: Account, text: str) -> bool:
    """Whether a text is these values with the separator of the chart, whichever character that is, between them."""
    separator = text[len(account[0]) :][:1]
    return text == separator.join(account)


def _text(account: Account) -> str:
    return ".".join(account)


def _refused(why: str) -> RejectRecord:
    return RejectRecord(why, vendor=SYSTEM)
