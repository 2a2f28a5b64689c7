"""Who types, for the audit."""

from __future__ import annotations

import getpass


def whoami() -> str:
    """The name that the operating system knows this person by."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number without a name
        return "unknown"
