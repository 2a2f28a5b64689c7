"""What an organization is made of, and what Zendesk refuses to make one of.

https://developer.zendesk.com/api-reference/ticketing/organizations/organizations/
"""

from __future__ import annotations

from typing import Any

from connectors.zendesk.sandbox.account import Account, changed_names, key_of, tag_list, text_or_none
from connectors.zendesk.sandbox.fields import CustomFields
from connectors.zendesk.sandbox.http import Problems, Row, Write, existing, problem, record_invalid
from connectors.zendesk.sandbox.memberships import Memberships
from connectors.zendesk.sandbox.table import folded

PLAIN = frozenset({"details", "notes", "group_id", "shared_tickets", "shared_comments"})
WRITABLE = PLAIN | {"name", "external_id", "domain_names", "tags", "organization_fields"}
WITH_ID = WRITABLE | {"id"}
BLANK: Row = {
    "name": "",
    "external_id": None,
    "domain_names": [],
    "details": None,
    "notes": None,
    "group_id": None,
    "shared_tickets": False,
    "shared_comments": False,
    "tags": [],
    "organization_fields": {},
}


class OrganizationRecords:
    """Reads and writes organizations; knows nothing of HTTP."""

    def __init__(self, account: Account, fields: CustomFields, memberships: Memberships) -> None:
        self.account = account
        self.table = account.organizations
        self.fields = fields
        self.memberships = memberships

    def add(self, sent: Row, write: Write, row_id: int | None = None) -> Row:
        now = self.account.now()
        row = self._written({**BLANK, "id": row_id or self.account.new_id(), "created_at": now}, sent)
        row["updated_at"] = now
        self.table.insert(row, write.lag)
        changed = changed_names(BLANK, {name: row[name] for name in BLANK}, "organization_fields")
        self.account.effect(write, "organization.created", key_of(row), id=row["id"], changed=changed)
        return row

    def change(self, row: Row, sent: Row, write: Write) -> Row:
        new = self._written(row, sent)
        changed = changed_names(row, new, "organization_fields")
        if changed:
            new["updated_at"] = self.account.now()
            self.table.replace(new, write.lag)
        self.account.effect(write, "organization.updated", key_of(new), id=row["id"], changed=changed)
        return new

    def remove(self, row: Row, write: Write) -> None:
        self.memberships.organization_removed(row, write)
        self.table.remove(row["id"], write.lag)
        self.account.effect(write, "organization.deleted", key_of(row), id=row["id"])

    def _written(self, row: Row, sent: Row) -> Row:
        """The row with what was sent, or a refusal that names everything that is wrong with it."""
        new, problems = {**row, **{name: sent[name] for name in PLAIN & sent.keys()}}, Problems()
        if "name" in sent:
            new["name"] = str(sent["name"] or "").strip()
        if not new["name"]:
            problem(problems, "name", "Name: cannot be blank", "BlankValue")
        elif self._taken("name", new):
            problem(problems, "name", f"Name: {new['name']} has already been taken", "DuplicateValue")
        if "external_id" in sent:
            new["external_id"] = text_or_none(sent["external_id"])
            if self._taken("external_id", new):
                problem(problems, "external_id", "External has already been taken", "DuplicateValue")
        if "domain_names" in sent:
            new["domain_names"] = _domain_names(sent["domain_names"])
        old_fields = row["organization_fields"]
        new["organization_fields"] = self.fields.merged(old_fields, sent.get("organization_fields"), problems)
        own = tag_list(sent["tags"]) if "tags" in sent else set(row["tags"]) - self.fields.tags(old_fields)
        new["tags"] = sorted({*own, *self.fields.tags(new["organization_fields"])})
        if problems:
            raise record_invalid(problems)
        return new

    def _taken(self, index: str, row: Row) -> bool:
        found = self.table.find(index, folded(row[index])) if row[index] else []
        return any(other["id"] != row["id"] for other in found)

    def matching(self, sent: Row) -> Row | None:
        if sent.get("id"):
            return existing(self.table.get(int(sent["id"])) if str(sent["id"]).isdigit() else None)
        key = folded(sent.get("external_id"))
        return next(iter(self.table.find("external_id", key)), None) if key else None


def _domain_names(value: Any) -> list[str]:
    names = value.split() if isinstance(value, str) else value or []
    return list(dict.fromkeys(str(name).strip().lower() for name in names))
