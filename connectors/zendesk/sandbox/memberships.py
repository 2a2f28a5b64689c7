"""Who belongs to which organization.

https://developer.zendesk.com/api-reference/ticketing/organizations/organization_memberships/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.zendesk.sandbox.account import Account, key_of
from connectors.zendesk.sandbox.http import (
    TOO_MANY_VALUES,
    Answer,
    Call,
    Endpoint,
    Problems,
    Row,
    Write,
    not_found,
    problem,
    record_invalid,
)
from connectors.zendesk.sandbox.jobs import Jobs
from connectors.zendesk.sandbox.paging import listing, sequence, walked

WRITABLE = frozenset({"user_id", "organization_id", "default", "view_tickets"})


class Memberships:
    """The organization of a user's default membership is also the user's ``organization_id``."""

    def __init__(self, account: Account, jobs: Jobs) -> None:
        self.account = account
        self.table = account.memberships
        self.jobs = jobs

    def endpoints(self) -> list[Endpoint]:
        one = "organization_memberships/{membership_id}"
        of_user = "users/{user_id}/organization_memberships"
        return [
            Endpoint("GET", "organization_memberships", self.index),
            Endpoint("POST", "organization_memberships", self.create),
            Endpoint("POST", "organization_memberships/create_many", self.create_many),
            Endpoint("GET", one, self.show),
            Endpoint("DELETE", one, self.destroy),
            Endpoint("GET", of_user, self.index, "users"),
            Endpoint("POST", of_user, self.create, "users"),
            Endpoint("DELETE", f"{of_user}/{{membership_id}}", self.destroy, "users"),
            Endpoint("PUT", f"{of_user}/{{membership_id}}/make_default", self.make_default, "users"),
            Endpoint("GET", "organizations/{organization_id}/organization_memberships", self.index, "organizations"),
        ]

    def index(self, call: Call) -> Answer:
        """All, or those of a user (the default one first, then by organization name) or of an organization."""
        filters = {**call.query, **call.params}
        for name in ("user_id", "organization_id"):
            if name in filters:
                rows = self.table.find_seen(name, _id(filters[name]))
                rows.sort(key=lambda row: (not row["default"], row["organization_name"].casefold()))
                return listing(call, "organization_memberships", sequence(rows), self._rendered(call))
        return listing(call, "organization_memberships", walked(self.table.walk), self._rendered(call))

    def show(self, call: Call) -> Answer:
        return Answer(200, {"organization_membership": self._rendered(call)(self._named(call))})

    def create(self, call: Call) -> Answer:
        sent = call.permit(call.one("organization_membership"), WRITABLE, "organization_membership")
        sent = {**sent, **{name: _id(value) for name, value in call.params.items()}}
        return Answer(201, {"organization_membership": self._rendered(call)(self.add(sent, call.write))})

    def create_many(self, call: Call) -> Answer:
        items = call.many("organization_memberships", TOO_MANY_VALUES)
        items = [call.permit(item, WRITABLE, "organization_memberships") for item in items]
        return self.jobs.create(call, "OrganizationMembership", items, self.add)

    def make_default(self, call: Call) -> Answer:
        row = self._named(call)
        self.set_default(row, call.write)
        rows = self.table.find("user_id", row["user_id"])
        return Answer(200, {"organization_memberships": [self._rendered(call)(one) for one in rows]})

    def destroy(self, call: Call) -> Answer:
        self.remove(self._named(call), call.write)
        return Answer(204)

    def add(self, sent: Row, write: Write, row_id: int | None = None) -> Row:
        """The first membership of a user is the default one in any case."""
        user, organization, problems = self._user(sent), self._organization(sent), Problems()
        if user is None:
            problem(problems, "user", "User cannot be blank", "BlankValue")
        if organization is None:
            problem(problems, "organization", "Organization cannot be blank", "BlankValue")
        if user and organization and self.table.find("pair", (user["id"], organization["id"])):
            problem(problems, "user_id", " This user is already a member of this organization.", "DuplicateValue")
        if problems or user is None or organization is None:
            raise record_invalid(problems)
        now = self.account.now()
        row = {
            "id": row_id or self.account.new_id(),
            "user_id": user["id"],
            "organization_id": organization["id"],
            "organization_name": organization["name"],
            "default": None,
            "view_tickets": True,
            "created_at": now,
            "updated_at": now,
        }
        first = not self.table.find("user_id", user["id"])
        self.table.insert(row, write.lag)
        self._effect(write, "membership.created", row)
        if first or sent.get("default"):
            self._mark_default(row, write)
        self._tell("created", row)
        return self.table.get(row["id"]) or row

    def set_default(self, row: Row, write: Write) -> None:
        self._mark_default(row, write)
        self._effect(write, "membership.updated", row, changed=["default"])

    def replace_all(self, user_id: int, organization_id: int | None, write: Write) -> None:
        """What writing ``organization_id`` of a user does: that organization stays, every other membership goes."""
        for row in self.table.find("user_id", user_id):
            if row["organization_id"] != organization_id:
                self.remove(row, write)
        if organization_id is not None and not self.table.find("pair", (user_id, organization_id)):
            self.add({"user_id": user_id, "organization_id": organization_id}, write)

    def remove(self, row: Row, write: Write) -> None:
        """Another membership, if there is one, becomes the default."""
        self.table.remove(row["id"], write.lag)
        self._effect(write, "membership.deleted", row)
        if row["default"]:
            others = self.table.find("user_id", row["user_id"])
            if others:
                self._mark_default(others[0], write)
            else:
                self._set_user_organization(row["user_id"], None, write)
        self._tell("deleted", row)

    def organization_removed(self, organization: Row, write: Write) -> None:
        for row in self.table.find("organization_id", organization["id"]):
            self.remove(row, write)

    def _mark_default(self, row: Row, write: Write) -> None:
        for other in self.table.find("user_id", row["user_id"]):
            default = True if other["id"] == row["id"] else None  # null, not false: so the reference has it
            if other["default"] is not default:
                self.table.replace({**other, "default": default}, write.lag)
        self._set_user_organization(row["user_id"], row["organization_id"], write)

    def _set_user_organization(self, user_id: int, organization_id: int | None, write: Write) -> None:
        user = self.account.users.get(user_id)
        if user is not None and user["organization_id"] != organization_id:
            self.account.users.replace({**user, "organization_id": organization_id}, write.lag)

    def _tell(self, what: str, row: Row) -> None:
        told = {"organization": {"id": str(row["organization_id"])}}
        self.account.user_changed(f"user.organization_membership_{what}", row["user_id"], told)

    def _user(self, sent: Row) -> Row | None:
        return self.account.users.get(_id(sent.get("user_id")))

    def _organization(self, sent: Row) -> Row | None:
        return self.account.organizations.get(_id(sent.get("organization_id")))

    def _named(self, call: Call) -> Row:
        row = self.table.get(call.id("membership_id"))
        if row is None or row["user_id"] != _id(call.params.get("user_id", row["user_id"])):
            raise not_found()
        return row

    def _effect(self, write: Write, kind: str, row: Row, **detail: Any) -> None:
        user, organization = self._user(row), self._organization(row)
        key = f"{key_of(user) if user else row['user_id']}/{key_of(organization) if organization else ''}"
        named = {name: row[name] for name in ("id", "user_id", "organization_id")}
        self.account.effect(write, kind, key, **named, **detail)

    def _rendered(self, call: Call) -> Callable[[Row], Row]:
        return lambda row: {"url": f"{call.base}/api/v2/organization_memberships/{row['id']}.json", **row}


def _id(value: Any) -> int:
    return int(str(value)) if str(value).isdigit() else 0
