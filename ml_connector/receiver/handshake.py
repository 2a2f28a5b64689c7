"""Handshakes: a vendor to which we are just talking asks whether an address is ours, and is given back what it sent."""

from __future__ import annotations

import re

from connectors.registry import NAMES, system
from ml_connector.core.db import Database
from ml_connector.core.errors import RejectEvent
from ml_connector.core.handshakes import handshake_expected
from ml_connector.core.inbox_writer import DATABASE_ERRORS, NotStored
from ml_connector.core.signatures import Headers
from ml_connector.receiver.directory import Directory

Header = tuple[bytes, bytes]

_NAMES = frozenset(webhook.handshake for name in NAMES if (webhook := system(name).webhook))
_VALUE = re.compile(rb"[A-Za-z0-9_-]{16,256}")
"""Nothing else is sent back."""


def offered(headers: Headers) -> Header | None:
    """The header that a request wants to have back; None if it is no handshake."""
    return next((header for header in headers if header[0] in _NAMES), None)


class Handshakes:
    """Judges them by what the database says at this moment."""

    def __init__(self, db: Database, directory: Directory) -> None:
        self._db = db
        self._directory = directory

    async def check(self, token: str, header: Header) -> None:
        """Returns if ``header`` may be given back.

        Raises RejectEvent unless we are creating a webhook at this address right now, and NotStored.
        """
        entry = await self._directory.find_again(token)
        if entry.webhook.handshake != header[0] or not _VALUE.fullmatch(header[1]):
            raise RejectEvent("a malformed handshake, or at an address that has none", phase="handshake")
        try:
            expected = await handshake_expected(self._db, entry.endpoint.token_hash)
        except DATABASE_ERRORS as error:
            raise NotStored(f"the handshake cannot be judged ({type(error).__name__})") from error
        if not expected:
            raise RejectEvent("a handshake that nobody waits for: no webhook is being created here", phase="handshake")
