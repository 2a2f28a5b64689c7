"""What a look at a connection found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Finding:
    """One thing that was tried. ``hint`` says what to do about it; also where all is well but something to know."""

    ok: bool
    what: str
    hint: str | None = None
    refused: bool = False
    """The credential itself is refused: nothing works until somebody connects the account again."""
