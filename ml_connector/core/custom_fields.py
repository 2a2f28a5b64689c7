"""Fields that a destination lets its customers add, and what a value must be to stand in one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ml_connector.core.functions import amount, text

FieldType = Literal["text", "textarea", "integer", "decimal", "date", "checkbox", "enum"]


class CustomField(BaseModel):
    """One custom field as a mapping declares it; ``ml-connector apply`` creates it where it is missing."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    title: str = Field(min_length=1)
    type: FieldType
    options: tuple[str, ...] = ()
    """What an ``enum`` field lets people choose from; reference data may add to it."""
    precision: int = Field(default=2, ge=0, le=6)
    """Digits that a ``decimal`` field shows behind the point, where the destination wants to know."""


def converter(kind: FieldType) -> Callable[[Any], Any]:
    """What turns a value, never null, into one of this type; it raises ValueError, naming no value, if it cannot."""
    return _CONVERTERS[kind]


def _integer(value: Any) -> int:
    exact = amount(value)
    if exact != exact.to_integral_value():
        raise ValueError("it is not a whole number")
    return int(exact)


def _decimal(value: Any) -> Decimal:
    """Without trailing zeros: 10.0 and 10.00 are the same amount and must not cost a write."""
    exact = amount(value)
    digits = format(exact, "f")
    if not exact:
        return Decimal(0)  # whatever its sign and its digits
    return Decimal(digits.rstrip("0").rstrip(".") if "." in digits else digits)


def _date(value: Any) -> str:
    """The day of a date or of a UTC timestamp, as ``2026-11-21``."""
    if not isinstance(value, str):
        raise ValueError("it is not a date")
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        raise ValueError("it is not a date") from None


def _checkbox(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("it is not true or false: translate the source's codes by a value table")
    return value


_CONVERTERS: dict[FieldType, Callable[[Any], Any]] = {
    "text": text,
    "textarea": text,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "checkbox": _checkbox,
    "enum": text,
}
