"""Notes and attachments, held per customer; their large attributes are bytes."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Any

from connectors.oracle_fusion.sandbox.children_resources import ATTACHMENT, NOTE
from connectors.oracle_fusion.sandbox.resources import Row, served, timestamp
from connectors.oracle_fusion.sandbox.seed import BEYOND_DOUBLE
from connectors.oracle_fusion.sandbox.table import Table

CHILDREN = {one.name: one for one in (NOTE, ATTACHMENT)}
LARGE = {NOTE.name: "NoteTxt", ATTACHMENT.name: "FileContents"}
"""The large attribute of each, which has an address of its own: ``enclosure/NoteTxt``."""
CHILD_COLLECTIONS = {"notes": NOTE.name, "attachments": ATTACHMENT.name}


class Children:
    """The rows below each customer."""

    def __init__(self) -> None:
        self._tables: dict[tuple[str, int], Table] = {}
        self._bytes: dict[int, bytes] = {}
        self._made = 0

    def table(self, name: str, party_id: int) -> Table:
        return self._tables.setdefault((name, party_id), Table(CHILDREN[name]))

    def create(self, name: str, party_id: int, values: Row, large: bytes, at: datetime) -> Row:
        """A new row with these values; what it is not given is null."""
        self._made += 1
        resource = CHILDREN[name]
        moment = timestamp(at)
        who = {"CreatedBy": "ML_CONNECTOR", "LastUpdatedBy": "ML_CONNECTOR"}
        dates = {"CreationDate": moment, "LastUpdateDate": moment}
        # Above what a double holds: who reads ids as floats finds another row.
        row_id = BEYOND_DOUBLE + 2 * self._made
        row: Row = dict.fromkeys(resource.attributes) | values | who | dates | {resource.id: row_id}
        self.table(name, party_id).add([row])
        self._bytes[row_id] = large
        return row

    def delete(self, name: str, party_id: int, row_id: int) -> None:
        self.table(name, party_id).delete(row_id)
        del self._bytes[row_id]

    def large(self, row_id: int) -> bytes:
        return self._bytes[row_id]

    def put_large(self, row_id: int, content: bytes) -> None:
        self._bytes[row_id] = content

    def state(self, name: str, parties: Table) -> list[dict[str, Any]]:
        """All rows of a kind, with the number of their customer and their large attribute as text."""
        return [
            {
                **served(row),
                "PartyNumber": parties.rows[party_id]["PartyNumber"],
                LARGE[name]: self._bytes[row_id].decode(errors="replace"),
            }
            for (kind, party_id), table in self._tables.items()
            if kind == name and party_id in parties.rows
            for row_id, row in table.rows.items()
        ]


def decoded(text: str) -> bytes:
    """Base64 as a lenient decoder takes it: what is no base64 becomes other bytes, and no error."""
    letters = re.sub(r"[^A-Za-z0-9+/]", "", text)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        return b""
