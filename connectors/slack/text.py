"""Text from the ERP as Slack may be given it: nothing in it can mention anybody, link anywhere or break the layout.

https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JOINERS = "\u200c\u200d"  # Persian and emoji are written with them
_NOTHING = "-"  # Slack refuses an empty text
_ELLIPSIS = "…"
_SPACES = re.compile(r"\s+")


def plain(value: Any, limit: int) -> str:
    """One line of at most ``limit`` characters as Slack counts them, escaped; ``-`` if there is nothing to see.

    Control characters go, and those that turn the direction of what follows them: a value could otherwise rearrange
    the text around it.
    """
    return escape(cut(one_line(value, limit), limit))


def one_line(value: Any, limit: int) -> str:
    """The text of a value with single spaces in it and nothing invisible, or ``-``. Not escaped.

    Of a value that is far longer than ``limit`` only the beginning is looked at.
    """
    text = _SPACES.sub(" ", written(value)[: 4 * limit])
    text = "".join(char for char in text if _is_kept(char)).strip()
    return (
        text if any(char.isprintable() and char not in " \u3164\u2800\uffa0\u115f\u1160" for char in text) else _NOTHING
    )


def written(value: Any) -> str:
    """Numbers with a fraction in groups of three digits; ids and years, which are whole, as they are."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:,f}"
        case _:
            return str(value)


def money(value: Any, currency: str) -> str:
    """``12,450.00 USD``: exactly the digits that the ERP gave. What is no amount is left as it is."""
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        exact = Decimal("NaN")
    if isinstance(value, bool) or not exact.is_finite() or abs(exact.adjusted()) > 30:
        return f"{written(value)} {currency}" if value is not None else ""
    return f"{exact:,f} {currency}"


def escape(text: str) -> str:
    """Slack's three control characters, which begin links, mentions and entities."""
    return "".join(_ESCAPES.get(char, char) for char in text)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters once it is escaped, with an ellipsis where something is missing."""
    widths = [_width(char) for char in text]
    if sum(widths) <= limit:
        return text
    room, end = limit - 1, 0
    while widths[end] <= room:
        room -= widths[end]
        end += 1
    return text[:end].rstrip(" " + _JOINERS) + _ELLIPSIS


def length(text: str) -> int:
    """How long Slack may take an escaped text to be: it does not say whether it counts characters or UTF-16 units."""
    return len(text) + sum(char > "\uffff" for char in text)


def _width(char: str) -> int:
    return len(_ESCAPES[char]) if char in _ESCAPES else 1 + (char > "\uffff")


def _is_kept(char: str) -> bool:
    if char in _JOINERS:
        return True
    is_noncharacter = ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef"
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") and not is_noncharacter
