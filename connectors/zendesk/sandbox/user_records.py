"""What a user is made of, and what writing one does to addresses and memberships.

https://developer.zendesk.com/api-reference/ticketing/users/users/
"""

from __future__ import annotations

import re

from connectors.zendesk.sandbox.account import Account, changed_names, key_of, tag_list, text_or_none
from connectors.zendesk.sandbox.fields import CustomFields
from connectors.zendesk.sandbox.http import Problems, Row, Write, not_found, problem, record_invalid
from connectors.zendesk.sandbox.identities import Identities
from connectors.zendesk.sandbox.memberships import Memberships
from connectors.zendesk.sandbox.table import folded

BLANK: Row = {
    "name": "",
    "email": None,
    "external_id": None,
    "organization_id": None,
    "role": "end-user",
    "verified": False,
    "active": True,
    "suspended": False,
    "phone": None,
    "shared_phone_number": None,
    "alias": "",
    "notes": "",
    "details": "",
    "signature": None,
    "locale": "en-US",
    "locale_id": 1,
    "time_zone": "Eastern Time (US & Canada)",
    "iana_time_zone": "America/New_York",
    "default_group_id": None,
    "custom_role_id": None,
    "role_type": None,
    "moderator": False,
    "only_private_comments": False,
    "restricted_agent": True,
    "ticket_restriction": "requested",
    "chat_only": False,
    "shared": False,
    "shared_agent": False,
    "two_factor_auth_enabled": None,
    "last_login_at": None,
    "photo": None,
    "tags": [],
    "user_fields": {},
}
PLAIN = frozenset(
    {
        "phone",
        "shared_phone_number",
        "alias",
        "notes",
        "details",
        "signature",
        "locale",
        "locale_id",
        "time_zone",
        "default_group_id",
        "custom_role_id",
        "moderator",
        "only_private_comments",
        "restricted_agent",
        "ticket_restriction",
        "suspended",
    }
)
WRITABLE = PLAIN | {
    "name",
    "email",
    "external_id",
    "organization_id",
    "organization",
    "role",
    "verified",
    "skip_verify_email",
    "tags",
    "user_fields",
    "remote_photo_url",
    "agent_brand_ids",
}
CREATABLE = WRITABLE | {"identities"}
E164 = re.compile(r"\+[1-9]\d{6,14}")
TOLD = frozenset({"name", "external_id", "role", "suspended", "alias", "notes", "details", "tags", "time_zone"})
"""Attributes whose change is an event of its own."""


class UserRecords:
    """Reads and writes users; knows nothing of HTTP."""

    def __init__(
        self, account: Account, fields: CustomFields, identities: Identities, memberships: Memberships
    ) -> None:
        self.account = account
        self.table = account.users
        self.fields = fields
        self.identities = identities
        self.memberships = memberships
        self.deleted: dict[int, Row] = {}

    def add(self, sent: Row, write: Write, row_id: int | None = None) -> Row:
        """Everything is checked before anything is written."""
        organization_id = self._organization_id(sent)
        emails = [{**sent, "type": "email", "value": sent["email"]}] if sent.get("email") else []
        identities = emails + [{**one, "verified": sent.get("verified")} for one in sent.get("identities") or []]
        problems = Problems()
        now = self.account.now()
        row = self._written({**BLANK, "id": row_id or self.account.new_id(), "created_at": now}, sent, problems)
        if problems:
            raise record_invalid(problems)
        for identity in identities:
            self.identities.require_free(str(identity.get("type") or "email"), str(identity.get("value") or ""))
        row["updated_at"] = now
        self.table.insert(row, write.lag)
        changed = [name for name in sent if name in row and sent[name] not in (None, "", [], {})]
        self.account.effect(write, "user.created", key_of(row), id=row["id"], changed=changed)
        self.account.user_changed("user.created", row["id"], {})
        for identity in identities:
            self.identities.mail(row, self.identities.add(row, identity, write), sent, write)
        if organization_id is not None:
            self.memberships.add({"user_id": row["id"], "organization_id": organization_id}, write)
        return self.table.get(row["id"]) or row

    def change(self, row: Row, sent: Row, write: Write) -> Row:
        """A new e-mail address becomes a second one; ``organization_id`` takes the place of all memberships."""
        new_email = self._new_email(row, sent)
        names_organization = bool({"organization_id", "organization"} & sent.keys())
        organization_id = self._organization_id(sent) if names_organization else None
        problems = Problems()
        new = self._written(row, sent, problems)
        if problems:
            raise record_invalid(problems)
        changed = changed_names(row, new, "user_fields")
        if changed:
            self.table.replace({**new, "updated_at": self.account.now()}, write.lag)
        if new_email is not None:
            identity = {"type": "email", "value": new_email, "verified": sent.get("verified")}
            self.identities.mail(row, self.identities.add(new, identity, write), sent, write)
        elif "verified" in sent and self.identities.mark_verified(new, sent["verified"] is True, write):
            self.table.replace({**(self.table.get(row["id"]) or new), "verified": sent["verified"] is True}, write.lag)
            changed.append("verified")
        if names_organization:
            if organization_id != row["organization_id"]:
                changed.append("organization_id")
            self.memberships.replace_all(row["id"], organization_id, write)
        self.account.effect(write, "user.updated", key_of(new), id=row["id"], changed=changed)
        for name in TOLD & {*changed}:
            self.account.user_changed(f"user.{name}_changed", row["id"], {"current": new[name], "previous": row[name]})
        return self.table.get(row["id"]) or new

    def remove(self, row: Row, write: Write) -> Row:
        self.account.user_changed("user.deleted", row["id"], {})
        for membership in self.memberships.table.find("user_id", row["id"]):
            self.memberships.remove(membership, write)
        self.identities.user_removed(row, write)
        self.table.remove(row["id"], write.lag)
        self.deleted[row["id"]] = {**row, "active": False, "organization_id": None}
        self.account.effect(write, "user.deleted", key_of(row), id=row["id"])
        return self.deleted[row["id"]]

    def _written(self, row: Row, sent: Row, problems: Problems) -> Row:
        """The row with what was sent, without addresses and organization."""
        new = {**row, **{name: sent[name] for name in PLAIN & sent.keys()}}
        if "name" in sent:
            new["name"] = str(sent["name"] or "").strip()
        if not new["name"]:
            problem(problems, "name", "Name: is too short (minimum one character)", "BlankValue")
        if "role" in sent:
            new["role"] = sent["role"]
            if new["role"] not in ("end-user", "agent", "admin"):
                problem(problems, "role", "Role: is invalid", "InvalidValue")
        if self.account.settings.validates_phones and sent.get("phone") and not E164.fullmatch(str(sent["phone"])):
            problem(problems, "phone", f"Phone {sent['phone']} is not properly formatted", "InvalidFormat")
        if "external_id" in sent:
            new["external_id"] = text_or_none(sent["external_id"])
            taken = self.table.find("external_id", folded(new["external_id"]))
            if any(other["id"] != row["id"] for other in taken):
                problem(problems, "external_id", "External has already been taken", "DuplicateValue")
        old_fields = row["user_fields"]
        new["user_fields"] = self.fields.merged(old_fields, sent.get("user_fields"), problems)
        own = tag_list(sent["tags"]) if "tags" in sent else set(row["tags"]) - self.fields.tags(old_fields)
        new["tags"] = sorted({*own, *self.fields.tags(new["user_fields"])})
        return new

    def _new_email(self, row: Row, sent: Row) -> str | None:
        """The address sent, if it is not the user's already."""
        email = str(sent.get("email") or "").strip()
        owner = self.identities.owner(email) if email else None
        if not email or (owner is not None and owner["id"] == row["id"]):
            return None
        self.identities.require_free("email", email)
        return email

    def _organization_id(self, sent: Row) -> int | None:
        """An organization that does not exist is a 404 of the whole call, not a validation error."""
        if name := (sent.get("organization") or {}).get("name"):
            found = self.account.organizations.find("name", folded(name))
        elif sent.get("organization_id") is None:
            return None
        else:
            organization_id = str(sent["organization_id"])
            row = self.account.organizations.get(int(organization_id)) if organization_id.isdigit() else None
            found = [row] if row else []
        if not found:
            raise not_found()
        return int(found[0]["id"])

    def matching(self, sent: Row) -> Row | None:
        """By external id, else by any e-mail address; Zendesk does not document what it does when the two differ."""
        by_key = self.table.find("external_id", folded(sent.get("external_id")))
        return by_key[0] if by_key else self.identities.owner(str(sent.get("email") or ""))
