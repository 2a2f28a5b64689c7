"""Money of a journal: in whole minor units of its currency, split without a remainder, debits equal to credits.

Decimal and integers only; nothing is rounded up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

_NOT_TWO = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS = {code: decimals for decimals, codes in _NOT_TWO.items() for code in codes.split()}
"""ISO 4217: https://www.six-group.com/en/products-services/financial-information/data-standards.html"""

Account = tuple[str, ...]
"""The values of an account combination, in the order of the chart."""


@dataclass(slots=True, frozen=True)
class Share:
    """What bears a part of the cost: by how much, the account that is debited, and the one that is credited for it."""

    weight: Decimal = field(repr=False)
    cost: Account
    clearing: Account


@dataclass(slots=True, frozen=True)
class Line:
    """One line of a journal; of ``debit`` and ``credit`` one is none."""

    account: Account
    debit: Decimal | None = field(default=None, repr=False)
    credit: Decimal | None = field(default=None, repr=False)


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01, of some 1, 0.001 or 0.0001."""
    return Decimal(1).scaleb(-_DECIMALS.get(currency, 2))


def is_payable(amount: Decimal, currency: str) -> bool:
    """Whether it has no more digits than the currency."""
    return amount == floored(amount, currency)


def floored(amount: Decimal, currency: str) -> Decimal:
    """Without the digits that the currency does not have."""
    return amount.quantize(minor_unit(currency), ROUND_DOWN)


def split(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """The amount in proportion to the weights, which are above 0; what cannot be divided goes to the largest.

    The parts are whole minor units and add up to the amount, which must be whole itself.
    """
    unit = minor_unit(currency)
    units = int(amount / unit)
    total = sum(map(Fraction, weights))
    parts = [int(units * Fraction(weight) / total) for weight in weights]
    parts[max(range(len(weights)), key=lambda n: weights[n])] += units - sum(parts)
    return [part * unit for part in parts]


def lines(amount: Decimal, shares: Sequence[Share], currency: str) -> list[Line]:
    """Debits of the cost accounts and credits of the clearing accounts, one line an account; both sides are ``amount``.

    Each part is credited where its debit belongs to, so that the companies of an order balance each by itself.
    """
    debits: dict[Account, Decimal] = {}
    credits_: dict[Account, Decimal] = {}
    for share, part in zip(shares, split(amount, [share.weight for share in shares], currency), strict=True):
        if part:
            debits[share.cost] = debits.get(share.cost, Decimal(0)) + part
            credits_[share.clearing] = credits_.get(share.clearing, Decimal(0)) + part
    return [
        *(Line(account, debit=part) for account, part in debits.items()),
        *(Line(account, credit=part) for account, part in credits_.items()),
    ]
