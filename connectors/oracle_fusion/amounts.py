"""Money as Oracle sends it: a JSON number, or text since framework version 9."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import AbortRun


def amount(raw: object, attribute: str) -> Decimal | None:
    """The exact amount; None where there is none. `AbortRun` for anything else: a total without it would be wrong."""
    if raw is None:
        return None
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite():
        raise AbortRun(f"{attribute} holds something that is not an amount", vendor=SYSTEM)
    return value


def total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of what there is; None if there is nothing."""
    known = [value for value in amounts if value is not None]
    return sum(known, Decimal(0)) if known else None


def written(value: Decimal | None) -> str | None:
    """The digits of an amount, never in scientific notation."""
    return None if value is None else format(value, "f")
