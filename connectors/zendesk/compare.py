"""Our objects against Zendesk's: what is written, what differs, and what a person has filled in.

Payloads and requests hold Zendesk's own field names; the custom fields stand in ``organization_fields`` or
``user_fields``, or ``ticket_fields``. Names of fields are dotted: ``organization_fields.credit_limit``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from connectors.zendesk.fields import CustomFields
from ml_connector.core.records import Body

CUSTOM = ("organization_fields", "user_fields", "ticket_fields")
_ADDED_TO = ("tags", "domain_names")
"""Lists that are only ever added to."""


class Unwritable(Exception):
    """A payload that cannot be sent; the message names the field, never the value."""


def encode(payload: Body, fields: CustomFields) -> Body:
    """``payload`` with its custom fields in their own types; `Unwritable` if that cannot be."""
    body = {name: value for name, value in payload.items() if value or name not in _ADDED_TO}
    for section in CUSTOM:
        if section not in body:
            continue
        values = body[section] or {}
        if missing := fields.unknown(values):
            names = ", ".join(missing)
            raise Unwritable(f"field {names} does not exist in this Zendesk account: run `ml-connector apply`")
        body[section] = {key: _encode(fields, section, key, value) for key, value in values.items()}
    return body


def typed(request: Body, fields: CustomFields) -> Body:
    """A request with its custom fields in their own types again: the ledger gives decimals back as text."""
    body = dict(request)
    for section in CUSTOM:
        if section in body:
            body[section] = dict(body[section])
            for key, value in body[section].items():
                with suppress(ValueError):  # the field has become another one: Zendesk will say so
                    body[section][key] = fields.encode(key, value)
    return body


def _encode(fields: CustomFields, section: str, key: str, value: Any) -> Any:
    try:
        return fields.encode(key, value)
    except ValueError as problem:
        raise Unwritable(f"{section}.{key} {problem}") from None


def differences(wanted: Body, current: Body, fields: CustomFields) -> tuple[str, ...]:
    """Names of the fields of ``wanted`` that ``current`` does not hold."""
    return tuple(name for name, ours, theirs in _pairs(wanted, current) if not _same(name, ours, theirs, fields))


def without_filled(wanted: Body, current: Body, if_empty: frozenset[str]) -> Body:
    """``wanted`` without those fields of ``if_empty`` (dotted names) that ``current`` holds something in."""
    filled = {name for name, _, theirs in _pairs(wanted, current) if name in if_empty and theirs not in (None, "", [])}
    body = {name: value for name, value in wanted.items() if name not in filled}
    for section in CUSTOM:
        if section in body:
            body[section] = {k: v for k, v in body[section].items() if f"{section}.{k}" not in filled}
    return body


def with_theirs(wanted: Body, current: Body) -> Body:
    """``wanted`` with the tags and domains that are there already: Zendesk replaces both lists as a whole, and what
    people have added to them stays."""
    body = dict(wanted)
    for name in _ADDED_TO:
        if body.get(name):
            body[name] = sorted({*body[name], *(current.get(name) or ())})
    return body


def names(body: Body) -> tuple[str, ...]:
    """The names of all fields in ``body``."""
    return tuple(name for name, _, _ in _pairs(body, {}))


def needs_current(body: Body, if_empty: frozenset[str]) -> bool:
    """Whether what is written depends on what is there."""
    return any(body.get(name) for name in _ADDED_TO) or not if_empty.isdisjoint(names(body))


def _pairs(wanted: Body, current: Body) -> Iterator[tuple[str, Any, Any]]:
    """Name, our value and theirs, for each field of ``wanted`` that is data."""
    for name, ours in wanted.items():
        if name in CUSTOM:
            theirs = current.get(name) or {}
            for key, value in ours.items():
                yield f"{name}.{key}", value, theirs.get(key)
        elif name != "id":
            yield name, ours, current.get(name)


def _same(name: str, ours: Any, theirs: Any, fields: CustomFields) -> bool:
    section, _, key = name.partition(".")
    if section in CUSTOM:
        return fields.same(key, ours, theirs)
    if name in _ADDED_TO:
        return _folded(ours) <= _folded(theirs)
    if name == "external_id":
        return str(ours).casefold() == str(theirs).casefold()  # Zendesk takes Acme and ACME for the same
    return _plain(ours) == _plain(theirs)


def _folded(values: Any) -> set[str]:
    return {str(value).strip().casefold().replace(" ", "_") for value in values or ()}  # as Zendesk writes tags


def _plain(value: Any) -> str:
    return "" if value is None else str(value).replace("\r\n", "\n").strip()
