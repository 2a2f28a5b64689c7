"""JSON with exact numbers.

A number with a fraction is money until proven otherwise, so it never becomes a float: it is read as the very
characters that the vendor sent, and a ``Decimal`` is written as a JSON number of the same digits.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson


def loads(raw: bytes | str) -> Any:
    """Parse JSON. Integers stay ``int``, numbers with a fraction or exponent become ``str`` of their digits."""
    return json.loads(raw, parse_float=str)


def dumps(value: Any) -> bytes:
    """Serialise with sorted keys, so that equal values have equal bytes."""
    return orjson.dumps(value, default=_default, option=orjson.OPT_SORT_KEYS)


def digest(value: Any) -> bytes:
    """SHA-256 (32 bytes) of the canonical form of ``value``."""
    return hashlib.sha256(dumps(value)).digest()


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, (datetime, UUID)):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is not JSON")
