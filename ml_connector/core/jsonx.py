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
    """Serialise with sorted keys, so that equal values have equal bytes.

    Half a surrogate pair, as a vendor that cuts text by length may send it, becomes a question mark.
    """
    try:
        return orjson.dumps(value, default=_default, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        pass  # one odd value in one record must not stop its page
    return orjson.dumps(_writable(value), default=_default, option=orjson.OPT_SORT_KEYS)


def mended(text: str) -> str:
    """The text as Postgres takes it as text: with a question mark for NUL and for half a surrogate pair."""
    return text.encode(errors="replace").decode().replace("\0", "?")


def digest(value: Any) -> bytes:
    """SHA-256 (32 bytes) of the canonical form of ``value``."""
    return hashlib.sha256(dumps(value)).digest()


def _writable(value: Any) -> Any:
    """The same without what orjson refuses: lone surrogates, integers of more than 64 bits."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case int() if not -(2**63) <= value < 2**64:
            return orjson.Fragment(str(value))
        case dict():
            return {_writable(name): _writable(held) for name, held in value.items()}
        case list() | tuple():
            return [_writable(held) for held in value]
        case _:
            return value


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, (datetime, UUID)):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is not JSON")
