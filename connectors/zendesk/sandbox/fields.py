"""Custom fields of organizations and users, and what Zendesk makes of the values written to them.

https://developer.zendesk.com/api-reference/ticketing/organizations/organization_fields/
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from connectors.zendesk.sandbox.account import Account, tag_list
from connectors.zendesk.sandbox.http import (
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
from connectors.zendesk.sandbox.paging import listing, sequence

WRITABLE = frozenset(
    {
        "key",
        "title",
        "raw_title",
        "type",
        "description",
        "raw_description",
        "active",
        "position",
        "regexp_for_validation",
        "custom_field_options",
        "tag",
        "relationship_target_type",
        "relationship_filter",
    }
)
WITH_OPTIONS = frozenset({"dropdown", "multiselect"})
TYPES = WITH_OPTIONS | {"text", "textarea", "checkbox", "date", "integer", "decimal", "regexp", "lookup"}
FIXED = frozenset({"key", "type"})
"""Attributes that an update cannot change."""


class CustomFields:
    """The fields of one kind of object: ``organization`` or ``user``."""

    def __init__(self, account: Account, kind: str) -> None:
        self.account = account
        self.root = f"{kind}_field"
        self._fields: dict[str, Row] = {}
        self._used_keys: set[str] = set()

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", f"{self.root}s", self.index),
            Endpoint("POST", f"{self.root}s", self.create),
            Endpoint("GET", f"{self.root}s/{{field_id}}", self.show),
            Endpoint("PUT", f"{self.root}s/{{field_id}}", self.update),
            Endpoint("DELETE", f"{self.root}s/{{field_id}}", self.destroy),
        ]

    def index(self, call: Call) -> Answer:
        return listing(call, f"{self.root}s", sequence(self.state()), self._rendered(call))

    def create(self, call: Call) -> Answer:
        call.require_admin()
        field = self.add(call.permit(call.one(self.root), WRITABLE, self.root), call.write)
        return Answer(201, {self.root: self._rendered(call)(field)})

    def show(self, call: Call) -> Answer:
        return Answer(200, {self.root: self._rendered(call)(self._named(call))})

    def update(self, call: Call) -> Answer:
        call.require_admin()
        old = self._named(call)
        sent = call.permit(call.one(self.root), WRITABLE - FIXED, self.root)
        new = {**old, **sent, "updated_at": self.account.now()}
        self._require_options(new)
        self._fields[new["key"]] = new
        changed = [name for name in sent if sent[name] != old.get(name)]
        self.account.effect(call.write, f"{self.root}.updated", new["key"], changed=changed)
        return Answer(200, {self.root: self._rendered(call)(new)})

    def destroy(self, call: Call) -> Answer:
        call.require_admin()
        field = self._named(call)
        del self._fields[field["key"]]
        self.account.effect(call.write, f"{self.root}.deleted", field["key"])
        return Answer(204)

    def state(self) -> list[Row]:
        return list(self._fields.values())

    def add(self, sent: Row, write: Write) -> Row:
        """Create a field; its key stays taken even after the field is deleted."""
        problems: Problems = {}
        key, title, type_ = str(sent.get("key") or ""), sent.get("title"), sent.get("type", "text")
        if not re.fullmatch(r"(?!\d+$)\w+", key, re.ASCII):
            problem(
                problems, "key", "Key: may contain letters, numbers and underscores, not numbers only", "InvalidFormat"
            )
        if key.lower() in self._used_keys:
            problem(problems, "key", f"Key: {key} has already been taken", "DuplicateValue")
        if not title:
            problem(problems, "title", "Title: cannot be blank", "BlankValue")
        if type_ not in TYPES:
            problem(problems, "type", "Type: is invalid", "InvalidValue")
        if problems:
            raise record_invalid(problems)
        now = self.account.now()
        defaults = {"description": "", "active": True, "position": 9999, "regexp_for_validation": None, "system": False}
        field = {"id": self.account.new_id(), **defaults, **sent, "type": type_, "created_at": now, "updated_at": now}
        field |= {"raw_title": title, "raw_description": field["description"]}
        self._require_options(field)
        self._fields[key] = field
        self._used_keys.add(key.lower())
        self.account.effect(write, f"{self.root}.created", key, id=field["id"], type=type_)
        return field

    def shown(self, values: Row) -> Row | None:
        """The values of all fields of the account; the official examples show null where there are no fields."""
        if not self._fields:
            return None
        empty = {key: False if field["type"] == "checkbox" else None for key, field in self._fields.items()}
        return {key: values.get(key, unset) for key, unset in empty.items()}

    def merged(self, values: Row, sent: Any, problems: Problems) -> Row:
        """``values`` with those sent. Keys that no field has are dropped without a word."""
        merged = dict(values)
        for key, value in (sent or {}).items():
            if field := self._fields.get(key):
                try:
                    merged[key] = _normalised(field, value)
                except ValueError:
                    problem(problems, key, f"{field['title']}: is invalid", "InvalidValue")
        return merged

    def tags(self, values: Row) -> set[str]:
        """The tags that an object carries because of its options and ticked boxes."""
        found: list[str] = []
        for key, value in values.items():
            field = self._fields.get(key)
            if field and value and field["type"] in WITH_OPTIONS:
                found += [value] if isinstance(value, str) else value
            elif field and value is True and field.get("tag"):
                found.append(field["tag"])
        return set(tag_list(found))

    def _rendered(self, call: Call) -> Any:
        return lambda field: {"url": f"{call.base}/api/v2/{self.root}s/{field['id']}.json", **field}

    def _named(self, call: Call) -> Row:
        """A field by its id or its key."""
        wanted = call.params["field_id"]
        for field in self._fields.values():
            if wanted in (str(field["id"]), field["key"]):
                return field
        raise not_found()

    def _require_options(self, field: Row) -> None:
        if field["type"] not in WITH_OPTIONS:
            return
        options = field.get("custom_field_options") or []
        if not options or not all(option.get("name") and option.get("value") for option in options):
            problems: Problems = {}
            problem(problems, "custom_field_options", "Custom field options: cannot be blank", "BlankValue")
            raise record_invalid(problems)
        field["custom_field_options"] = [{"id": self.account.new_id(), **option} for option in options]


def _normalised(field: Row, value: Any) -> Any:
    """The value as Zendesk gives it back; ``ValueError`` if it refuses it."""
    type_ = field["type"]
    if type_ == "checkbox":
        return _boolean(value)
    if value is None or value == "":
        return None
    if isinstance(value, (dict, list)) and type_ != "multiselect":
        raise ValueError(type_)
    if type_ == "date":
        # A date comes back as a time: the official example of "Search Organizations" shows it.
        return f"{datetime.fromisoformat(str(value)):%Y-%m-%d}T00:00:00+00:00"
    if type_ == "integer":
        return int(str(value))
    if type_ == "decimal":
        return float(str(value))
    if type_ == "regexp" and not re.search(field["regexp_for_validation"] or "", str(value)):
        raise ValueError(type_)
    if type_ in WITH_OPTIONS:
        return _chosen(field, value)
    return str(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False, "": False}.get(value.lower())
    if value not in (True, False, None):
        raise ValueError("checkbox")
    return bool(value)


def _chosen(field: Row, value: Any) -> Any:
    options = {option["value"] for option in field["custom_field_options"]}
    chosen = value if isinstance(value, list) else [value]
    if not options.issuperset(chosen) or (field["type"] == "dropdown" and isinstance(value, list)):
        raise ValueError(field["type"])
    return chosen if field["type"] == "multiselect" else value
