"""Tickets and their comments. https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/"""

from __future__ import annotations

from collections.abc import Callable

from connectors.zendesk.sandbox.http import Answer, Call, Endpoint, Row, existing, invalid_attribute
from connectors.zendesk.sandbox.paging import listing, offset_listing, sequence, walked
from connectors.zendesk.sandbox.rates import Rates
from connectors.zendesk.sandbox.ticket_records import WRITABLE, TicketRecords


class Tickets:
    """The endpoints."""

    def __init__(self, records: TicketRecords, rates: Rates) -> None:
        self.records = records
        self.rates = rates

    def endpoints(self) -> list[Endpoint]:
        scope = "tickets"
        return [
            Endpoint("GET", "tickets", self.index, scope),
            Endpoint("POST", "tickets", self.create, scope),
            Endpoint("GET", "tickets/show_many", self.show_many, scope),
            Endpoint("GET", "tickets/{ticket_id}", self.show, scope),
            Endpoint("PUT", "tickets/{ticket_id}", self.update, scope),
            Endpoint("DELETE", "tickets/{ticket_id}", self.destroy, scope),
            Endpoint("GET", "tickets/{ticket_id}/comments", self.comments, scope),
        ]

    def index(self, call: Call) -> Answer:
        rows = walked(self.records.table.walk, lambda row: row["status"] != "deleted")
        return listing(call, "tickets", rows, self.rendered(call))

    def show(self, call: Call) -> Answer:
        return Answer(200, {"ticket": self.rendered(call)(self._named(call))})

    def show_many(self, call: Call) -> Answer:
        if "ids" not in call.query:
            raise invalid_attribute(call, "ids", "be present")
        seen = [self.records.table.seen(row_id) for row_id in call.listed_ids()]
        rows = [row for row in seen if row is not None and row["status"] != "deleted"]
        return offset_listing(call, "tickets", sequence(rows), self.rendered(call))

    def create(self, call: Call) -> Answer:
        sent = call.permit(call.one("ticket"), WRITABLE, "ticket")
        row = self.records.add(sent, call.write)
        return Answer(201, self._with_audit(call, row, "Create"))

    def update(self, call: Call) -> Answer:
        row = self._named(call)
        self.rates.ticket_update(call, row["id"])
        sent = call.permit(call.one("ticket"), WRITABLE, "ticket")
        return Answer(200, self._with_audit(call, self.records.change(row, sent, call.write), "Change"))

    def destroy(self, call: Call) -> Answer:
        self.records.remove(self._named(call), call.write)
        return Answer(204)

    def comments(self, call: Call) -> Answer:
        """The oldest first, unless ``sort=-created_at`` (cursor pages) or ``sort_order=desc`` (offset pages)."""
        rows = self.records.comments[self._named(call)["id"]]
        newest_first = call.query.get("sort") == "-created_at" or call.query.get("sort_order") == "desc"
        return listing(call, "comments", sequence(rows[::-1] if newest_first else rows), lambda row: row)

    def rendered(self, call: Call) -> Callable[[Row], Row]:
        return lambda row: {"url": f"{call.base}/api/v2/tickets/{row['id']}.json", **row}

    def _named(self, call: Call) -> Row:
        return existing(self.records.get(call.id("ticket_id")))

    def _with_audit(self, call: Call, row: Row, kind: str) -> Row:
        names = ("status", "subject", "priority")
        events = [{"id": self.records.account.new_id(), "type": kind, "field_name": n, "value": row[n]} for n in names]
        audit = {
            "id": self.records.account.new_id(),
            "ticket_id": row["id"],
            "created_at": row["updated_at"],
            "author_id": call.write.actor_id,
            "events": events,
        }
        return {"ticket": self.rendered(call)(row), "audit": audit}
