"""Incremental exports by cursor.

https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api/
"""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from itertools import islice

from connectors.zendesk.sandbox.account import Account
from connectors.zendesk.sandbox.http import Answer, Call, Endpoint, Refused, Row, invalid_attribute
from connectors.zendesk.sandbox.rates import Rates
from connectors.zendesk.sandbox.table import Table
from connectors.zendesk.sandbox.tickets import Tickets
from connectors.zendesk.sandbox.users import Users

TOO_RECENT = {"error": "InvalidValue", "description": "Too recent start_time. Use a start_time older than 60 seconds"}
BAD_CURSOR = {"error": "InvalidValue", "description": "Cursor is invalid"}
Position = tuple[float, int]


class Incremental:
    """What was deleted is exported too: tickets as ``deleted``, users as not ``active``."""

    def __init__(self, account: Account, rates: Rates, tickets: Tickets, users: Users) -> None:
        self.account = account
        self.rates = rates
        self._tickets = tickets
        self._users = users

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "incremental/tickets/cursor", self.tickets),
            Endpoint("GET", "incremental/users/cursor", self.users),
        ]

    def tickets(self, call: Call) -> Answer:
        shown = self._tickets.rendered(call)

        def row(at: float, row_id: int) -> Row:
            return {**shown(self.account.tickets.get(row_id) or {"id": row_id}), "generated_timestamp": int(at)}

        return self._export(call, "tickets", self.account.tickets, row)

    def users(self, call: Call) -> Answer:
        records, shown = self._users.records, self._users.rendered(call)
        return self._export(
            call, "users", records.table, lambda _, row_id: shown(records.table.get(row_id) or records.deleted[row_id])
        )

    def _export(self, call: Call, name: str, table: Table, row: Callable[[float, int], Row]) -> Answer:
        call.require_admin()
        self.rates.incremental(call)
        per_page = call.query.get("per_page", "1000")
        if not per_page.isdigit() or not 1 <= int(per_page) <= 1000:
            raise invalid_attribute(call, "per_page", "be an integer from 1 to 1000")
        after = self._after(call)
        until = time.time() - self.account.settings.export_excludes_seconds
        found = list(islice(table.changes(after, until), int(per_page) + 1))
        page = found[: int(per_page)]
        cursor = _cursor(page[-1]) if page else call.query.get("cursor")
        body = {
            name: [row(*position) for position in page],
            "after_cursor": cursor,
            "after_url": f"{call.base}/{call.path}.json?cursor={cursor}" if cursor else None,
            "before_cursor": None,
            "before_url": None,
            "end_of_stream": len(found) == len(page),
        }
        return Answer(200, body)

    def _after(self, call: Call) -> Position:
        if "cursor" in call.query:
            try:
                at, _, row_id = b64decode(call.query["cursor"], validate=True).decode().rstrip("|").partition("||")
                return float(at), int(row_id)
            except ValueError:
                raise Refused(400, BAD_CURSOR) from None
        start = call.query.get("start_time", "")
        if not start.isdigit():
            raise invalid_attribute(call, "start_time", "be an integer")
        if int(start) > time.time() - 60:
            raise Refused(422, TOO_RECENT)
        return float(start), 0


def _cursor(position: Position) -> str:
    return b64encode(f"{position[0]!r}||{position[1]}|".encode()).decode()
