"""Fields of tickets: known by their ids, and no two need different titles.

https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_fields/
"""

from __future__ import annotations

from connectors.zendesk.sandbox.account import Account
from connectors.zendesk.sandbox.fields import TYPES
from connectors.zendesk.sandbox.http import Answer, Call, Endpoint, Problems, Row, problem, record_invalid
from connectors.zendesk.sandbox.paging import listing, sequence

WRITABLE = frozenset({"title", "type", "description", "active", "required", "visible_in_portal", "editable_in_portal"})
TICKET_TYPES = TYPES | {"tagger"}


class TicketFields:
    """Every account has those of Zendesk itself; further ones can be made."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._rows: list[Row] = [self._row({"title": t, "type": t.lower()}) for t in ("Subject", "Status", "Priority")]

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "ticket_fields", self.index),
            Endpoint("POST", "ticket_fields", self.create),
        ]

    def index(self, call: Call) -> Answer:
        return listing(call, "ticket_fields", sequence(self._rows), lambda row: row)

    def create(self, call: Call) -> Answer:
        call.require_admin()
        sent = call.permit(call.one("ticket_field"), WRITABLE, "ticket_field")
        problems = Problems()
        if not sent.get("title"):
            problem(problems, "title", "Title: cannot be blank", "BlankValue")
        if sent.get("type") not in TICKET_TYPES:
            problem(problems, "type", "Type: is invalid", "InvalidValue")
        if problems:
            raise record_invalid(problems)
        row = self._row(sent)
        self._rows.append(row)
        self.account.effect(call.write, "ticket_field.created", str(row["id"]), title=row["title"])
        return Answer(201, {"ticket_field": row})

    def state(self) -> list[Row]:
        return self._rows

    def _row(self, sent: Row) -> Row:
        now = self.account.now()
        return {"id": self.account.new_id(), "active": True, **sent, "created_at": now, "updated_at": now}
