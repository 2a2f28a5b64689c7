"""Whether a value in Oracle is the same as one that comes from elsewhere."""

from __future__ import annotations

import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

_LOCAL_DIGITS = 7
"""So many digits at the end of a phone number tell it from others, whatever stands before them."""


def same_value(wanted: Any, held: Any) -> bool:
    """An attribute's value as it would be written, and as it is read: framework version 9 writes numbers as text."""
    if wanted is None or held is None:
        return wanted in (None, "") and held in (None, "")
    if isinstance(wanted, bool):
        return str(held).lower() == str(wanted).lower()
    if isinstance(wanted, int | Decimal):
        try:
            return Decimal(str(held)) == wanted
        except InvalidOperation:
            return False
    return str(held) == str(wanted)


def same_text(one: str, other: str) -> bool:
    """Whatever its case, its spaces and the way its accents are put together."""
    return _folded(one) == _folded(other)


def same_phone(one: str, other: str) -> bool:
    """Whatever its punctuation, and with or without the country's code: ``030 1234567``, ``+49 (30) 1234567``."""
    short, long = sorted((_digits(one), _digits(other)), key=len)
    return short == long or (len(short) >= _LOCAL_DIGITS and long.endswith(short))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _digits(phone: str) -> str:
    """Without the zeros of trunk and international prefixes."""
    return "".join(char for char in phone if char.isdecimal()).lstrip("0")
