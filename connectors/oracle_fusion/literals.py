"""Texts that may stand in ``q``.

No document says how a quote inside a literal is written, and some pods refuse other characters too: what has
characters beside these is not asked for, and names that we make up ourselves do without them.
"""

from __future__ import annotations

import re

_REFUSED = re.compile(r"[^\w .:#()\[\]/+@-]")


def literal(text: str) -> str | None:
    """``'text'``; None if it cannot be asked for."""
    return None if _REFUSED.search(text) else f"'{text}'"


def queryable(text: str) -> str:
    """The text without what cannot be asked for, on one line and with single spaces."""
    return " ".join(_REFUSED.sub(" ", text).split())
