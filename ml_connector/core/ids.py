"""Ids: ours, which sort by the time they were made, so that an index grows at its right edge, and those of others."""

from __future__ import annotations

import hashlib
import os
import time
from uuid import UUID

from ml_connector.core import jsonx

_last = 0


def uuid7() -> UUID:
    """A version 7 UUID (RFC 9562), strictly increasing within this process."""
    global _last
    # 48 bits of milliseconds and 12 bits of their fraction; never the same 60 bits twice here
    stamp = max((time.time_ns() << 12) // 1_000_000, _last + 1)
    _last = stamp
    tail = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return UUID(int=(stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | tail)


def storable(source_id: str) -> str:
    """The id as Postgres can hold it. Two that differ only in what it cannot hold stay two."""
    mended = jsonx.mended(source_id)
    if mended == source_id:
        return source_id
    return f"{mended}~{hashlib.sha256(source_id.encode(errors='surrogatepass')).hexdigest()[:16]}"


def as_id(text: str) -> list[UUID]:
    """The id that a text is; none if it is something else."""
    try:
        return [UUID(text)]
    except ValueError:
        return []
