"""Organizations. https://developer.zendesk.com/api-reference/ticketing/organizations/organizations/"""

from __future__ import annotations

from collections.abc import Callable

from connectors.zendesk.sandbox.http import (
    TOO_MANY_VALUES,
    Answer,
    Call,
    Endpoint,
    Row,
    Write,
    existing,
    forbidden,
    invalid_attribute,
)
from connectors.zendesk.sandbox.jobs import Batch, Jobs, updated
from connectors.zendesk.sandbox.organization_records import WITH_ID, WRITABLE, OrganizationRecords
from connectors.zendesk.sandbox.paging import listing, offset_listing, sequence, walked
from connectors.zendesk.sandbox.rates import Rates
from connectors.zendesk.sandbox.selection import named, names_rows, shown
from connectors.zendesk.sandbox.table import folded


class Organizations:
    """The endpoints."""

    def __init__(self, records: OrganizationRecords, jobs: Jobs, rates: Rates) -> None:
        self.records = records
        self.table = records.table
        self.jobs = jobs
        self.rates = rates

    def endpoints(self) -> list[Endpoint]:
        scope = "organizations"
        return [
            Endpoint("GET", "organizations", self.index, scope),
            Endpoint("POST", "organizations", self.create, scope),
            Endpoint("GET", "organizations/show_many", self.show_many, scope),
            Endpoint("GET", "organizations/search", self.search, scope),
            Endpoint("POST", "organizations/create_or_update", self.create_or_update, scope),
            Endpoint("POST", "organizations/create_many", self.create_many, scope),
            Endpoint("PUT", "organizations/update_many", self.update_many, scope),
            Endpoint("GET", "organizations/{organization_id}", self.show, scope),
            Endpoint("PUT", "organizations/{organization_id}", self.update, scope),
            Endpoint("DELETE", "organizations/{organization_id}", self.destroy, scope),
        ]

    def index(self, call: Call) -> Answer:
        return listing(call, "organizations", walked(self.table.walk), self._rendered(call))

    def show(self, call: Call) -> Answer:
        return self._answer(call, 200, self._named(call))

    def show_many(self, call: Call) -> Answer:
        rows = shown(call, self.table)
        return offset_listing(call, "organizations", sequence(rows), self._rendered(call))

    def search(self, call: Call) -> Answer:
        given = [name for name in ("external_id", "name") if name in call.query]
        if len(given) != 1:
            raise invalid_attribute(call, "external_id", "be given, or name, and not both")
        rows = self.table.find_seen(given[0], folded(call.query[given[0]]))
        return offset_listing(call, "organizations", sequence(rows), self._rendered(call))

    def create(self, call: Call) -> Answer:
        sent = call.permit(call.one("organization"), WRITABLE, "organization")
        self._require_right(call, sent)
        return self._answer(call, 201, self.records.add(sent, call.write))

    def create_or_update(self, call: Call) -> Answer:
        """Matches by id or external id, and never by name."""
        sent = call.permit(call.one("organization"), WITH_ID, "organization")
        self._require_right(call, sent)
        row = self.records.matching(sent)
        if row is None:
            return self._answer(call, 201, self.records.add(sent, call.write))
        return self._answer(call, 200, self.records.change(row, sent, call.write))

    def update(self, call: Call) -> Answer:
        row = self._named(call)
        self.rates.organization_update(call, row["id"])
        sent = call.permit(call.one("organization"), WRITABLE, "organization")
        self._require_right(call, sent)
        return self._answer(call, 200, self.records.change(row, sent, call.write))

    def destroy(self, call: Call) -> Answer:
        row = self._named(call)
        self._require_right(call, row)
        self.records.remove(row, call.write)
        return Answer(204)

    def create_many(self, call: Call) -> Answer:
        items = call.many("organizations", TOO_MANY_VALUES)
        items = [call.permit(item, WRITABLE, "organizations") for item in items]
        self._require_right(call, *items)
        return self.jobs.create(call, "Organization", items, self.records.add)

    def update_many(self, call: Call) -> Answer:
        """The same change for the organizations named in the query, or a change of its own for each one sent."""

        def apply(_: int, item: Row, write: Write) -> Row:
            row = existing(self.table.get(int(item["id"])))
            return updated(self.records.change(row, item, write)["id"])

        items = self._updates(call)
        self._require_right(call, *items)
        return self.jobs.submit(call, Batch("Organization", "update", items, apply))

    def _updates(self, call: Call) -> list[Row]:
        if not names_rows(call):
            items = call.many("organizations", TOO_MANY_VALUES)
            if not all(str(item.get("id", "")).isdigit() for item in items):
                raise invalid_attribute(call, "organizations.id", "be an integer")
            return [call.permit(item, WITH_ID, "organizations") for item in items]
        sent = call.permit(call.one("organization"), WRITABLE, "organization")
        return [{**sent, "id": row_id} for row_id in named(call, self.table)]

    def _named(self, call: Call) -> Row:
        return existing(self.table.get(call.id("organization_id")))

    def _require_right(self, call: Call, *items: Row) -> None:
        """Agents who are not admins may change the notes, and nothing else."""
        if not call.by_admin() and any(item.keys() - {"id"} != {"notes"} for item in items):
            raise forbidden()

    def _rendered(self, call: Call) -> Callable[[Row], Row]:
        def render(row: Row) -> Row:
            url = f"{call.base}/api/v2/organizations/{row['id']}.json"
            return {"url": url, **row, "organization_fields": self.records.fields.shown(row["organization_fields"])}

        return render

    def _answer(self, call: Call, status: int, row: Row) -> Answer:
        return Answer(status, {"organization": self._rendered(call)(row)})
