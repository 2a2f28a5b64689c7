"""The address of a database, read in one place: what parses it quotes it when it cannot, password and all."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ml_connector.core.errors import Misconfigured


def parameters(url: str) -> dict[str, Any]:
    """What psycopg is to be called with. Misconfigured, without a word of the address, if it is malformed."""
    try:
        found = conninfo_to_dict(url)
    except psycopg.Error:
        found = {}
    if not found or _misread(found):
        raise Misconfigured(
            "the address of the database (ML_CONNECTOR_DATABASE_URL, or ML_CONNECTOR_OWNER_DATABASE_URL to migrate) is "
            "malformed: write postgresql://user:password@host:port/database, and percent-encode what is no letter or "
            "digit in user and password (% as %25, @ as %40, / as %2F, : as %3A, # as %23)",
            phase="connect",
        )
    return found


def _misread(found: dict[str, Any]) -> bool:
    """Whether a part of the password may stand where it would be quoted: behind a ``/`` or a second ``@`` in it."""
    ports = str(found.get("port", "")).split(",")
    elsewhere = [str(value) for name, value in found.items() if name not in ("user", "password")]
    return any("@" in value for value in elsewhere) or not all(port.isdecimal() or not port for port in ports)
