"""HTTP Basic authentication, as emulators read it."""

from __future__ import annotations

import base64
import binascii


def pair(credential: str) -> tuple[str, str]:
    """Name and password of what follows ``Basic`` in a header; both empty if it is none."""
    try:
        name, _, password = base64.b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password
