"""Custom fields: which exist, and how their values are written and compared.

Zendesk drops unknown keys of ``organization_fields`` and ``user_fields`` without a word, so keys are checked first.
https://developer.zendesk.com/api-reference/ticketing/organizations/organization_fields/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

Owner = Literal["organization", "user"]


class CustomFields:
    """The custom fields of organizations or of users in one account: key to type, and title to key."""

    def __init__(self, types: Mapping[str, str], titles: Mapping[str, str] | None = None) -> None:
        self._types = types
        self._titles = {title.lower(): key for title, key in (titles or {}).items()}

    def unknown(self, values: Mapping[str, Any]) -> list[str]:
        """Keys that no active field has."""
        return sorted(values.keys() - self._types.keys())

    def plus(self, key: str, kind: str) -> CustomFields:
        """These and one more, for a preview: without titles, which only matter to who writes."""
        return CustomFields({**self._types, key: kind})

    def titled(self, text: str) -> set[str]:
        """Keys of the fields with whose titles a sentence of ``text`` begins: so Zendesk words what it refuses."""
        if not self._titles:
            return set()
        longest_first = sorted(map(re.escape, self._titles), key=len, reverse=True)
        sentences = rf"(?:^|; |, |\. |\n)\s*({'|'.join(longest_first)})(?=:| )"
        found = (self._titles.get(title.lower()) for title in re.findall(sentences, text, re.IGNORECASE))
        return {key for key in found if key}

    def encode(self, key: str, value: Any) -> Any:
        """The value as Zendesk wants it; ``ValueError`` (without the value) if it cannot be one of that type."""
        if value is None or value == "":
            return None
        return _ENCODERS.get(self._types.get(key, ""), _text)(value)

    def same(self, key: str, ours: Any, theirs: Any) -> bool:
        """Whether Zendesk already holds our value: dates come back as instants, empty text as null."""
        if self._types.get(key) == "checkbox":
            return bool(ours and _truth(ours)) == bool(theirs and _truth(theirs))
        try:
            mine, other = self.encode(key, ours), self.encode(key, theirs)
        except ValueError:
            return False
        return bool(mine == other)


def _number(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise ValueError("is not a number")
    return number


def _truth(value: Any) -> bool:
    match value:
        case bool():
            return value
        case "true" | "false":
            return bool(value == "true")
        case _:
            raise ValueError("is neither true nor false")


def _integer(value: Any) -> int:
    number = _number(value)
    if number != number.to_integral_value():
        raise ValueError("is not an integer")
    return int(number)


def _date(value: Any) -> str:
    return str(value)[:10]


def _text(value: Any) -> Any:
    match value:
        case str():
            return value.strip()
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case int():
            return str(value)
        case _:
            return value


_ENCODERS: dict[str, Callable[[Any], Any]] = {
    "integer": _integer,
    "decimal": _number,
    "checkbox": _truth,
    "date": _date,
}
