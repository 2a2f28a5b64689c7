"""The functions that a mapping's expressions may call: a closed list, and the only place where a value is computed.

An amount reaches an expression as the vendor's own digits (see jsonx) and must leave it with the same ones, so none of
JMESPath's number functions is on the list: they work in binary floating point. A mapping that needs more gets
another function here, with a test; a tenant cannot add one.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from jmespath import functions
from jmespath.functions import signature

_BUILT_IN = frozenset({"contains", "ends_with", "length", "starts_with"})


class Functions(functions.Functions):
    """Every function takes null and gives null for it, unless its own line says otherwise."""

    @signature({"types": []})
    def _func_text(self, value: Any) -> str | None:
        """The text of an id, a code or a flag: ``300000001`` -> ``"300000001"``, true -> ``"true"``."""
        return text(value)

    @signature({"types": ["string", "null"]})
    def _func_trim(self, value: str | None) -> str | None:
        """Without white space around it."""
        return None if value is None else value.strip()

    @signature({"types": ["string", "null"]})
    def _func_lower(self, value: str | None) -> str | None:
        """In small letters."""
        return None if value is None else value.lower()

    @signature({"types": ["string", "null"]})
    def _func_upper(self, value: str | None) -> str | None:
        """In capitals."""
        return None if value is None else value.upper()

    @signature({"types": [], "variadic": True})
    def _func_first_nonempty(self, *values: Any) -> Any:
        """The first value that is neither null nor blank; null if there is none."""
        return next((value for value in values if not is_blank(value)), None)

    @signature({"types": ["string"]}, {"types": ["array", "null"]})
    def _func_join_nonempty(self, glue: str, parts: list[Any] | None) -> str | None:
        """The parts that are neither null nor blank, trimmed, with ``glue`` between them; null if there is none."""
        return glue.join(str(text(part)).strip() for part in parts or () if not is_blank(part)) or None

    @signature({"types": ["array", "null"]})
    def _func_distinct(self, parts: list[Any] | None) -> list[Any]:
        """Single values, each once, in the order of their first appearance; none for null."""
        return list(dict.fromkeys(parts or ()))

    @signature({"types": ["array", "null"]})
    def _func_earliest(self, dates: list[Any] | None) -> str | None:
        """The first of dates that are written alike, year first; null if there is none."""
        return min((date for date in dates or () if not is_blank(date)), default=None)

    @signature({"types": []})
    def _func_is_zero(self, digits: Any) -> bool | None:
        """Whether an amount is nothing, however many zeros it is written with."""
        return None if is_blank(digits) else not amount(digits)

    @signature({"types": ["string", "null"]}, {"types": ["number"]})
    def _func_cut(self, value: str | None, most: int) -> str | None:
        """The first characters, ``most`` at most; where something is left out the last of them is an ellipsis."""
        return value if value is None or len(value) <= most else value[: most - 1] + "…"

    @signature({"types": ["object", "null"]})
    def _func_amounts(self, by_currency: dict[str, Any] | None) -> str | None:
        """``{"USD": "80.00", "EUR": "1250.00"}`` -> ``"1250.00 EUR, 80.00 USD"``; null if there is none."""
        pairs = sorted((by_currency or {}).items())
        return ", ".join(f"{amount(digits):f} {currency}" for currency, digits in pairs) or None

    @signature({"types": ["string"]}, {"types": ["array", "null"]})
    def _func_totals(self, label: str, parts: list[Any] | None) -> list[dict[str, Any]]:
        """Sums by currency, each a fact of a message: of ``[["80.00", "USD"], ...]`` those that have an amount."""
        sums: dict[str, Decimal] = {}
        for digits, currency in parts or ():
            if not is_blank(digits) and not is_blank(currency):
                sums[currency] = sums.get(currency, Decimal(0)) + amount(digits)
        return [{"label": label, "value": f"{sums[one]:f}", "currency": one} for one in sorted(sums)]


# set behind the class body: its metaclass puts every inherited function into the table
Functions.FUNCTION_TABLE = {
    name: entry
    for name, entry in Functions.FUNCTION_TABLE.items()
    if name in _BUILT_IN or f"_func_{name}" in vars(Functions)
}


def text(value: Any) -> str | None:
    """The text of a string, an integer or a flag. Raises ValueError for anything else: a list has no one text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    raise ValueError("it is not a single value")


def amount(value: Any) -> Decimal:
    """The exact amount of decimal digits, an integer or a Decimal. Raises ValueError for anything else."""
    if isinstance(value, (bool, float)) or not isinstance(value, (str, int, Decimal)):
        raise ValueError("it is not an amount")
    try:
        exact = Decimal(value)
    except InvalidOperation:
        raise ValueError("it is not an amount") from None
    if not exact.is_finite() or abs(exact.adjusted()) > 30:
        raise ValueError("it is not an amount that can be written down")
    return exact


def is_blank(value: Any) -> bool:
    """Null, or text of nothing but white space."""
    return value is None or (isinstance(value, str) and not value.strip())
