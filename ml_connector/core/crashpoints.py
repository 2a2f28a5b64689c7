"""Named moments at which a test lets the process die.

``crashpoint`` costs one global read unless a test of ``tests/crash`` has armed it; nothing else can arm it.
"""

from __future__ import annotations

from collections.abc import Callable

_on_point: Callable[[str], None] | None = None


def crashpoint(name: str) -> None:
    """Pass a boundary of the journey, such as ``ledger.claimed``."""
    if _on_point is not None:
        _on_point(name)


def arm(on_point: Callable[[str], None] | None) -> None:
    """Call ``on_point`` at every crash point of this process; None disarms."""
    global _on_point
    _on_point = on_point
