"""Oracle's timestamps: read strictly, kept as whole microseconds, written as ``q`` wants them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:?\d\d)", re.ASCII)


@dataclass(slots=True, frozen=True)
class Instant:
    """A timestamp as the vendor shows it. ``unit`` is the worth of its last digit in microseconds.

    The database may hold more digits than are shown, cut off or rounded; the value that it holds is always less than
    one ``unit`` away.
    """

    micros: int
    unit: int

    @property
    def at(self) -> datetime:
        """The instant in UTC."""
        return from_micros(self.micros)


def parse(raw: object) -> Instant | None:
    """Read an ISO 8601 timestamp with an offset; None for anything else, a time without an offset included."""
    return _parse(raw) if isinstance(raw, str) else None


@lru_cache(maxsize=1024)  # that of each row is read twice: for its place in the order, and for its version
def _parse(raw: str) -> Instant | None:
    written = _WRITTEN.fullmatch(raw)
    if written is None:
        return None
    try:
        at = datetime.fromisoformat(written[0]).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    digits = len(written[1] or "")
    return Instant(micros(at), 10 ** (6 - min(digits, 6)))


def micros(at: datetime) -> int:
    """Microseconds since 1970 of an instant with a time zone."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    return _EPOCH + value * _MICROSECOND


def literal(value: int) -> str:
    """As a literal of ``q``: ``'2026-11-20T08:15:30.123+00:00'``; more digits only where they are not zero."""
    precision = "milliseconds" if value % 1000 == 0 else "microseconds"
    return f"'{from_micros(value).isoformat(timespec=precision)}'"
