"""A purchase order as a journal needs it: what was ordered, in which currency, and which accounts bear it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from pydantic import ValidationError

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.finance import PurchaseOrders
from connectors.oracle_fusion.order_models import OrderDistribution, OrderLine, PurchaseOrder
from connectors.oracle_fusion.settings import SYSTEM
from connectors.oracle_fusion.totals import NO_ORDER
from ml_connector.core.errors import RejectRecord


@dataclass(slots=True, frozen=True)
class Bearer:
    """A distribution: a part of a line, and the account that is charged with it (``combination_id``)."""

    line: Decimal
    ordered: Decimal = field(repr=False)
    combination_id: str
    account: str | None = None
    """The same account in its written form, ``101.10.60501.120``."""


@dataclass(slots=True, frozen=True)
class Rate:
    """What an amount of the order is worth in the currency of the ledger that its own business unit keeps."""

    rate: Decimal
    day: date | None
    """When it was fixed; None: Oracle does not say."""


@dataclass(slots=True, frozen=True)
class Order:
    """An order that is in force."""

    number: str
    currency: str
    ordered: Decimal = field(repr=False)
    """Before tax: what all its journals together may come to."""
    bearers: Sequence[Bearer]
    rate: Rate | None
    business_units: frozenset[str] = frozenset()
    """Those that it is billed to and that wanted it."""

    def of_line(self, line: Decimal) -> list[Bearer]:
        return [bearer for bearer in self.bearers if bearer.line == line]


async def order(client: OracleFusion, number: str) -> Order:
    """The order of this number. `RejectRecord` says why there is none that a cost could be booked on."""
    found = await PurchaseOrders(client).numbered(number)
    if len(found) != 1:
        raise _refused(
            "Oracle has no purchase order of this number, or does not show it to the user of the connection"
            if not found
            else f"{len(found)} purchase orders have this number: it does not say which one bears the cost"
        )
    try:
        row = PurchaseOrder.model_validate(found[0])
    except ValidationError as error:
        names = ", ".join(sorted({str(one["loc"][0]) for one in error.errors(include_input=False, include_url=False)}))
        raise _refused(f"the purchase order has something in {names} that is none of its kind") from None
    if row.rows_left_out:
        raise _refused("the purchase order has more distributions than are read")
    if _code(row.StatusCode) in NO_ORDER:
        raise _refused(f"the purchase order is not in force: its status is {_code(row.StatusCode)}")
    if not row.CurrencyCode:
        raise _refused("the purchase order has no currency")
    bearers = list(_bearers(row))
    if not bearers:
        raise _refused("the purchase order has no distribution with an amount and a charge account")
    borne = sum((bearer.ordered for bearer in bearers), Decimal(0))
    return Order(number, row.CurrencyCode, min(borne, row.Ordered or borne), bearers, _rate(row), _units(row))


def must_belong_to(found: Order, currency: str, business_units: Collection[str]) -> None:
    """`RejectRecord` unless the order belongs to a ledger in this currency which these business units keep.

    Charts of accounts are shared by ledgers, so accounts do not tell; and an order's rate leads to the currency of its
    own ledger, whichever that is. ``business_units`` empty: nothing is known of them.
    """
    if business_units and not (found.business_units and found.business_units <= set(business_units)):
        raise _refused(
            "the purchase order is billed to, or was wanted by, a business unit that `business_units` does not name: "
            "it belongs to another ledger, or the name is missing there"
        )
    if found.currency == currency and found.rate is not None and found.rate.rate != 1:
        raise _refused(
            f"the purchase order is in {currency}, the currency of the ledger, and has a conversion rate to another "
            "currency: it belongs to another ledger"
        )
    if found.currency == currency:
        return
    if not business_units:
        raise _refused(
            f"the purchase order is in {found.currency}, and nothing says that its conversion rate leads to "
            f"{currency}, the currency of the ledger: name the business units that keep it under `business_units`"
        )
    if found.rate is None:
        raise _refused(
            f"the purchase order is in {found.currency} and has no conversion rate to {currency}, the currency of the "
            "ledger"
        )


def _bearers(row: PurchaseOrder) -> Iterator[Bearer]:
    """What was cancelled bears nothing; returns (amounts below 0) neither."""
    for line in row.lines:
        for distribution in _distributions(line):
            if distribution.Ordered is not None and distribution.Ordered > 0 and line.LineNumber is not None:
                if not distribution.POChargeAccountId:
                    raise _refused("a distribution of the purchase order has no charge account")
                yield Bearer(
                    line.LineNumber, distribution.Ordered, distribution.POChargeAccountId, distribution.POChargeAccount
                )


def _distributions(line: OrderLine) -> Iterator[OrderDistribution]:
    schedules = (
        [] if _is_cancelled(line.StatusCode) else [one for one in line.schedules if not _is_cancelled(one.StatusCode)]
    )
    for schedule in schedules:
        yield from (one for one in schedule.distributions if not _is_cancelled(one.StatusCode))


def _rate(row: PurchaseOrder) -> Rate | None:
    if row.ConversionRate is None or row.ConversionRate <= 0:
        return None
    return Rate(row.ConversionRate, _day(row.ConversionRateDate))


def _units(row: PurchaseOrder) -> frozenset[str]:
    return frozenset(filter(None, (row.BillToBU, row.RequisitioningBU)))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None


def _is_cancelled(status: str | None) -> bool:
    return _code(status) in ("CANCELED", "CANCELLED")


def _code(status: str | None) -> str:
    return (status or "").upper().replace("_", " ")


def _refused(why: str) -> RejectRecord:
    return RejectRecord(why, vendor=SYSTEM)
