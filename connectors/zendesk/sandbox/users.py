"""Users. https://developer.zendesk.com/api-reference/ticketing/users/users/"""

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
from connectors.zendesk.sandbox.paging import listing, offset_listing, sequence, walked
from connectors.zendesk.sandbox.rates import Rates
from connectors.zendesk.sandbox.selection import named, names_rows, shown
from connectors.zendesk.sandbox.table import folded
from connectors.zendesk.sandbox.user_records import CREATABLE, WRITABLE, UserRecords

TOO_MANY_USERS = {"error": "TooManyValues", "description": "Maximum 100 users may be created per call"}
ANONYMOUS: Row = {"id": None, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user"}


class Users:
    """The endpoints."""

    def __init__(self, records: UserRecords, jobs: Jobs, rates: Rates) -> None:
        self.records = records
        self.table = records.table
        self.jobs = jobs
        self.rates = rates

    def endpoints(self) -> list[Endpoint]:
        scope = "users"
        return [
            Endpoint("GET", "users", self.index, scope),
            Endpoint("POST", "users", self.create, scope),
            Endpoint("GET", "users/me", self.me, scope),
            Endpoint("GET", "users/show_many", self.show_many, scope),
            Endpoint("GET", "users/search", self.search, scope),
            Endpoint("POST", "users/create_or_update", self.create_or_update, scope),
            Endpoint("POST", "users/create_many", self.create_many, scope),
            Endpoint("POST", "users/create_or_update_many", self.create_or_update_many, scope),
            Endpoint("PUT", "users/update_many", self.update_many, scope),
            Endpoint("GET", "users/{user_id}", self.show, scope),
            Endpoint("PUT", "users/{user_id}", self.update, scope),
            Endpoint("DELETE", "users/{user_id}", self.destroy, scope),
        ]

    def index(self, call: Call) -> Answer:
        roles = {value for name, value in call.query.items() if name in ("role", "role[]")}
        external_id = folded(call.query.get("external_id"))

        def keep(row: Row) -> bool:
            return (not roles or row["role"] in roles) and external_id in (None, folded(row["external_id"]))

        return listing(call, "users", walked(self.table.walk, keep), self.rendered(call))

    def me(self, call: Call) -> Answer:
        """Answers 200 to everybody: a client must look at the id, which is null for a caller without credentials."""
        user = ANONYMOUS if call.actor is None else self.rendered(call)(call.actor)
        return Answer(200, {"user": {**user, "authenticity_token": None}})

    def show(self, call: Call) -> Answer:
        user_id = call.id("user_id")
        return self._answer(call, 200, existing(self.table.get(user_id) or self.records.deleted.get(user_id)))

    def show_many(self, call: Call) -> Answer:
        rows = shown(call, self.table)
        answer = offset_listing(call, "users", sequence(rows), self.rendered(call))
        if call.query.get("include") == "identities" and self.records.account.settings.side_loads_identities:
            answer.body["identities"] = [one for row in rows for one in self._identities(call, row)]
        return answer

    def _identities(self, call: Call, row: Row) -> list[Row]:
        """https://support.zendesk.com/hc/en-us/community/posts/4410103990042"""
        found = self.records.account.identities.find_seen("user_id", row["id"])
        return [self.records.identities.rendered(call)(one) for one in found]

    def search(self, call: Call) -> Answer:
        """By ``external_id``, or by ``query``: ``email:x``, ``external_id:x``, ``name:x`` or any words of these."""
        if "external_id" in call.query:
            rows = self.table.find_seen("external_id", folded(call.query["external_id"]))
        elif call.query.get("query"):
            rows = self._searched(call.query["query"])
        else:
            raise invalid_attribute(call, "query", "be present")
        return offset_listing(call, "users", sequence(rows), self.rendered(call))

    def create(self, call: Call) -> Answer:
        sent = call.permit(call.one("user"), CREATABLE, "user")
        self._require_right(call, sent)
        return self._answer(call, 201, self.records.add(sent, call.write))

    def create_or_update(self, call: Call) -> Answer:
        sent = call.permit(call.one("user"), CREATABLE, "user")
        self._require_right(call, sent)
        row = self.records.matching(sent)
        self.rates.user_write(call, row)
        if row is None:
            row = self.records.add(sent, call.write)
            self.rates.user_created(row)
            status = 201
        else:
            row = self.records.change(row, sent, call.write)
            status = 200
        location = {"Location": f"{call.base}/api/v2/users/{row['id']}.json"}
        return Answer(status, {"user": self.rendered(call)(row)}, location)

    def update(self, call: Call) -> Answer:
        row = self._named(call)
        self.rates.user_write(call, row)
        sent = call.permit(call.one("user"), WRITABLE, "user")
        self._require_right(call, sent)
        return self._answer(call, 200, self.records.change(row, sent, call.write))

    def destroy(self, call: Call) -> Answer:
        """A deleted user can still be shown; its addresses are free again."""
        return self._answer(call, 200, self.records.remove(self._named(call), call.write))

    def create_many(self, call: Call) -> Answer:
        return self.jobs.create(call, "User", self._bulk_items(call), self.records.add)

    def create_or_update_many(self, call: Call) -> Answer:
        items = self._bulk_items(call)
        ids = self.records.account.new_ids(len(items))

        def apply(index: int, item: Row, write: Write) -> Row:
            row = self.records.matching(item)
            if row is not None:
                row = self.records.change(row, item, write)
                return {**updated(row["id"]), "email": row["email"]}
            row = self.records.add(item, write, ids[index])
            return {"id": row["id"], "action": "create", "status": "Created", "success": True, "email": row["email"]}

        return self.jobs.submit(call, Batch("User", "update", items, apply))

    def update_many(self, call: Call) -> Answer:
        items = self._updates(call)
        self._require_right(call, *items)

        def apply(_: int, item: Row, write: Write) -> Row:
            by_key = self.table.find("external_id", folded(item.get("external_id")))
            row = existing(self.table.get(int(item["id"])) if item.get("id") else next(iter(by_key), None))
            return updated(self.records.change(row, item, write)["id"])

        return self.jobs.submit(call, Batch("User", "update", items, apply))

    def _searched(self, query: str) -> list[Row]:
        field, _, value = query.partition(":")
        if field in ("email", "external_id", "name") and value:
            return self._found(field, value.strip().strip('"'))
        return self._found("email", query) or self._found("external_id", query) or self._found("name", query)

    def _found(self, field: str, value: str) -> list[Row]:
        key = folded(value)
        if field == "external_id":
            return self.table.find_seen("external_id", key)
        if field == "email":
            ids = [identity["user_id"] for identity in self.records.account.identities.find_seen("email", key)]
            return [row for user_id in ids if (row := self.table.seen(user_id))]
        words = (key or "").split()
        return [row for row in self.table.walk() if set(words) <= set(row["name"].casefold().split())]

    def _bulk_items(self, call: Call) -> list[Row]:
        if not self.records.account.settings.bulk_user_import:
            raise forbidden()
        items = [call.permit(item, CREATABLE, "users") for item in call.many("users", TOO_MANY_USERS)]
        self._require_right(call, *items)
        return items

    def _updates(self, call: Call) -> list[Row]:
        if not names_rows(call):
            items = call.many("users", TOO_MANY_VALUES)
            if not all(str(item.get("id", "0")).isdigit() for item in items):
                raise invalid_attribute(call, "users.id", "be an integer")
            return [call.permit(item, WRITABLE | {"id"}, "users") for item in items]
        sent = call.permit(call.one("user"), WRITABLE, "user")
        return [{**sent, "id": row_id} for row_id in named(call, self.table)]

    def _named(self, call: Call) -> Row:
        return existing(self.table.get(call.id("user_id")))

    def _require_right(self, call: Call, *items: Row) -> None:
        """Only admins make agents and admins."""
        if not call.by_admin() and any(item.get("role", "end-user") != "end-user" for item in items):
            raise forbidden()

    def rendered(self, call: Call) -> Callable[[Row], Row]:
        def render(row: Row) -> Row:
            url = f"{call.base}/api/v2/users/{row['id']}.json"
            return {"url": url, **row, "user_fields": self.records.fields.shown(row["user_fields"])}

        return render

    def _answer(self, call: Call, status: int, row: Row) -> Answer:
        return Answer(status, {"user": self.rendered(call)(row)})
