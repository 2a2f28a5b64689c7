"""The addresses by which a user is known. https://developer.zendesk.com/api-reference/ticketing/users/user_identities/"""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors.zendesk.sandbox.account import Account, key_of
from connectors.zendesk.sandbox.http import (
    Answer,
    Call,
    Endpoint,
    Problems,
    Row,
    Write,
    existing,
    not_found,
    problem,
    record_invalid,
)
from connectors.zendesk.sandbox.paging import listing, sequence
from connectors.zendesk.sandbox.table import folded

CREATABLE = frozenset({"type", "value", "verified", "primary", "verification_method", "skip_verify_email"})
UPDATABLE = frozenset({"value", "verified", "verification_method"})
TYPES = frozenset({"email", "twitter", "facebook", "google", "agent_forwarding", "phone_number"})
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


class Identities:
    """An e-mail address belongs to one user at most, as a primary or as a secondary one."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.table = account.identities

    def endpoints(self) -> list[Endpoint]:
        many, one = "users/{user_id}/identities", "users/{user_id}/identities/{identity_id}"
        return [
            Endpoint("GET", many, self.index, "users"),
            Endpoint("POST", many, self.create, "users"),
            Endpoint("GET", one, self.show, "users"),
            Endpoint("PUT", one, self.update, "users"),
            Endpoint("DELETE", one, self.destroy, "users"),
            Endpoint("PUT", f"{one}/make_primary", self.make_primary, "users"),
            Endpoint("PUT", f"{one}/verify", self.verify, "users"),
        ]

    def index(self, call: Call) -> Answer:
        rows = self.table.find_seen("user_id", self._user(call)["id"])
        return listing(call, "identities", sequence(rows), self.rendered(call))

    def show(self, call: Call) -> Answer:
        return self._answer(call, 200, self._named(call))

    def create(self, call: Call) -> Answer:
        user, sent = self._user(call), call.permit(call.one("identity"), CREATABLE, "identity")
        row = self.add(user, sent, call.write)
        self.mail(user, row, sent, call.write)
        if sent.get("primary"):
            self._make_primary(user, row, call.write)
        return self._answer(call, 201, self.table.get(row["id"]) or row)

    def update(self, call: Call) -> Answer:
        """Changes the value or the verification; ``primary`` has a call of its own."""
        user, row = self._user(call), self._named(call)
        sent = call.permit(call.one("identity"), UPDATABLE, "identity")
        value = str(sent.get("value", row["value"]))
        if folded(value) != folded(row["value"]):
            self.require_free(row["type"], value)
        new = {**row, "value": value}
        if {"verified", "verification_method"} & sent.keys():
            new |= _verification(sent)
        changed = [name for name in ("value", "verified") if new[name] != row[name]]
        self._replace(user, new, changed, call.write)
        return self._answer(call, 200, self.table.get(row["id"]) or row)

    def verify(self, call: Call) -> Answer:
        row = {**self._named(call), **_verification({"verified": True})}
        self._replace(self._user(call), row, ["verified"], call.write)
        return self._answer(call, 200, row)

    def make_primary(self, call: Call) -> Answer:
        user, row = self._user(call), self._named(call)
        self._make_primary(user, row, call.write)
        rows = self.table.find("user_id", user["id"])
        return Answer(200, {"identities": [self.rendered(call)(one) for one in rows]})

    def destroy(self, call: Call) -> Answer:
        user, row = self._user(call), self._named(call)
        self.table.remove(row["id"], call.write.lag)
        self.account.effect(call.write, "identity.deleted", key_of(user), id=row["id"], type=row["type"])
        self._tell("deleted", row)
        others = [other for other in self.table.find("user_id", user["id"]) if other["type"] == row["type"]]
        if row["primary"] and others:
            self.table.replace({**others[0], "primary": True}, call.write.lag)
        if row["type"] == "email":
            self._show_on_user(user["id"], call.write)
        return Answer(204)

    def owner(self, email: str) -> Row | None:
        """The user to whom an address belongs, primary or not."""
        found = self.table.find("email", folded(email))
        return self.account.users.get(found[0]["user_id"]) if found else None

    def primary_email(self, user_id: int) -> Row | None:
        rows = self.table.find("user_id", user_id)
        return next((row for row in rows if row["primary"] and row["type"] == "email"), None)

    def require_free(self, type_: str, value: str) -> None:
        """Refuses a malformed address and one that any user has already."""
        problems = Problems()
        if type_ not in TYPES:
            problem(problems, "type", "Type: is invalid", "InvalidValue")
        if not value or (type_ == "email" and not EMAIL.fullmatch(value)):
            problem(problems, "email", f"Email: {value} is not properly formatted", "InvalidValue")
        elif type_ == "email" and self.table.find("email", folded(value)):
            problem(problems, "email", f"Email: {value} is already being used by another user", "DuplicateValue")
        if problems:
            raise record_invalid(problems)

    def add(self, user: Row, sent: Row, write: Write) -> Row:
        """A new identity; the first e-mail address of a user is the primary one. Sends no mail."""
        type_, value = str(sent.get("type") or "email"), str(sent.get("value") or "").strip()
        self.require_free(type_, value)
        now = self.account.now()
        row = {
            "id": self.account.new_id(),
            "user_id": user["id"],
            "type": type_,
            "value": value,
            "primary": not any(other["type"] == type_ for other in self.table.find("user_id", user["id"])),
            "undeliverable_count": 0,
            "deliverable_state": "deliverable",
            "created_at": now,
            "updated_at": now,
            **_verification(sent),
        }
        self.table.insert(row, write.lag)
        detail = {"id": row["id"], "type": type_, "primary": row["primary"]}
        self.account.effect(write, "identity.created", key_of(user), **detail)
        if type_ == "email":
            self._show_on_user(user["id"], write)
        self._tell("created", row)
        return row

    def mark_verified(self, user: Row, verified: bool, write: Write) -> bool:
        """What ``verified`` in an update of a user does to the primary address; whether that changed anything."""
        row = self.primary_email(user["id"])
        if row is None or row["verified"] == verified:
            return False
        self.table.replace({**row, **_verification({"verified": verified})}, write.lag)
        return True

    def user_removed(self, user: Row, write: Write) -> None:
        for row in self.table.find("user_id", user["id"]):
            self.table.remove(row["id"], write.lag)

    def mail(self, user: Row, row: Row, sent: Row, write: Write) -> None:
        """Zendesk writes to an address that nobody vouches for, unless the client forbids it."""
        if row["type"] == "email" and not row["verified"] and sent.get("skip_verify_email") is not True:
            self.account.effect(write, "mail_sent", key_of(user), reason="verify_email")

    def _make_primary(self, user: Row, row: Row, write: Write) -> None:
        for other in self.table.find("user_id", user["id"]):
            primary = other["id"] == row["id"]
            if other["type"] == row["type"] and other["primary"] != primary:
                self.table.replace({**other, "primary": primary, "updated_at": self.account.now()}, write.lag)
        self._show_on_user(user["id"], write)
        self.account.effect(write, "identity.updated", key_of(user), id=row["id"], changed=["primary"])
        self._tell("changed", row)

    def _replace(self, user: Row, row: Row, changed: list[str], write: Write) -> None:
        if changed:
            self.table.replace({**row, "updated_at": self.account.now()}, write.lag)
            self._show_on_user(user["id"], write)
            self._tell("changed", row)
        self.account.effect(write, "identity.updated", key_of(user), id=row["id"], changed=changed)

    def _show_on_user(self, user_id: int, write: Write) -> None:
        """A user's ``email`` and ``verified`` are those of the primary address."""
        user, row = self.account.users.get(user_id), self.primary_email(user_id)
        shown = {"email": row["value"] if row else None, "verified": bool(row and row["verified"])}
        if user is not None and any(user[name] != value for name, value in shown.items()):
            self.account.users.replace({**user, **shown, "updated_at": self.account.now()}, write.lag)

    def _tell(self, what: str, row: Row) -> None:
        told = {name: str(row[name]) for name in ("id", "type", "value")}
        self.account.user_changed(f"user.identity_{what}", row["user_id"], {"identity": told})

    def _user(self, call: Call) -> Row:
        return existing(self.account.users.get(call.id("user_id")))

    def _named(self, call: Call) -> Row:
        row = self.table.get(call.id("identity_id"))
        if row is None or row["user_id"] != call.id("user_id"):
            raise not_found()
        return row

    def rendered(self, call: Call) -> Callable[[Row], Row]:
        return lambda row: {
            "url": f"{call.base}/api/v2/users/{row['user_id']}/identities/{row['id']}.json",
            **row,
        }

    def _answer(self, call: Call, status: int, row: Row) -> Answer:
        return Answer(status, {"identity": self.rendered(call)(row)})


def _verification(sent: Row) -> Row:
    """``verified`` is the old word for ``verification_method``, of which clients can write ``low`` and ``none``."""
    verified = sent.get("verified") in (True, "true") or sent.get("verification_method") == "low"
    return {"verified": verified, "verification_method": "low" if verified else "none"}
