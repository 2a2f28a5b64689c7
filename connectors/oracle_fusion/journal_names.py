"""The names of the batches that we make: ``MLC-<order>-<task>-<completion>``.

Oracle keeps the first 50 characters of REFERENCE1 in front of words of its own (source, group, request), so the name
alone tells which completion a batch stands for, and of which order. It is made of nothing else, least of all of what
our database holds: restored from a backup, that would make another one.
https://docs.oracle.com/pls/topic/lookup?ctx=fa24c&id=GL_INTERFACE
"""

from __future__ import annotations

import re
from base64 import b32encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

LONGEST = 50
PREFIX = "MLC-"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PLAIN = re.compile(r"[A-Za-z0-9_]{1,17}")
_NAME = re.compile(r"MLC-(?P<order>[A-Za-z0-9_]{1,17}|\.[a-z2-7]{16})-(?P<task>\d{1,19})-(?P<at>[0-9a-z]{1,8})(?= |$)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True, frozen=True)
class BatchName:
    """What a name says. ``order`` is `order_part` of the order's number."""

    order: str
    task: str
    completed_at: datetime

    @classmethod
    def of(cls, po_number: str, task: str, completed_at: datetime) -> BatchName:
        return cls(order_part(po_number), task, _EPOCH + (completed_at - _EPOCH) // _MILLISECOND * _MILLISECOND)

    @classmethod
    def parse(cls, text: str) -> BatchName | None:
        """Of a batch's name as Oracle has it; None if it is none of ours."""
        found = _NAME.match(text)
        if found is None:
            return None
        return cls(found["order"], found["task"], _EPOCH + int(found["at"], 36) * _MILLISECOND)

    def __str__(self) -> str:
        """REFERENCE1: at most 4 + 17 + 1 + 19 + 1 + 8 characters."""
        return f"{PREFIX}{self.order}-{self.task}-{_base36((self.completed_at - _EPOCH) // _MILLISECOND)}"


def order_part(po_number: str) -> str:
    """The number of an order as it stands in names: itself, or a hash of it where it is long, or has other characters
    than letters, digits and ``_``."""
    if _PLAIN.fullmatch(po_number):
        return po_number
    return "." + b32encode(sha256(po_number.encode()).digest()[:10]).decode().lower()


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def description(po_number: str, line: Decimal | None, task: str, completed_at: datetime) -> str:
    """Of a batch, for people; and `line_of` reads from it which line of the order it was for."""
    of_line = "" if line is None else f" line {line.normalize():f}"
    return f"Purchase order {po_number}{of_line}: task {task}, completed {completed_at:%Y-%m-%dT%H:%M:%SZ}"


def line_of(text: str | None) -> Decimal | None:
    """The line that the `description` of a batch names."""
    found = re.search(r" line (\d{1,9}(?:\.\d{1,9})?): task \d", text or "")
    return Decimal(found[1]) if found else None
