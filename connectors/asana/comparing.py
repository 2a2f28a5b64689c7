"""Requests against tasks: what is sent, what differs, and what a person has filled in.

A request holds the ids of task and project, Asana's own names of fields, and the custom fields by their names; its
values are the payload's, so that it can be encoded again after a crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.asana.fields import Field, NotYet, by_gid
from ml_connector.core.records import Body

PLAIN = ("name", "notes", "due_on")
_CUSTOM = "custom_fields"


def encode(request: Body, fields: Mapping[str, Field]) -> Body:
    """What is sent to Asana: the plain fields, and the custom ones by their ids. Raises `Unwritable`."""
    values: Body = request.get(_CUSTOM) or {}
    if missing := sorted(values.keys() - fields.keys()):
        gone = f"the project has no field {', '.join(missing)}"
        raise NotYet(f"{gone}: run `ml-connector apply`, or, if somebody has renamed it, give it its name back")
    data: Body = {name: request[name] for name in PLAIN if name in request}
    if "notes" in data:
        data["notes"] = data["notes"] or ""
    return {**data, _CUSTOM: {fields[name].gid: fields[name].encode(value) for name, value in values.items()}}


def differences(request: Body, task: Body, fields: Mapping[str, Field]) -> tuple[str, ...]:
    """The names of what a task does not hold yet. Raises `Unwritable`."""
    encoded = encode(request, fields)
    plain = [name for name in PLAIN if name in encoded and _text(encoded[name]) != _text(task.get(name))]
    held = by_gid(task)
    custom = [
        f"{_CUSTOM}.{name}"
        for name in request.get(_CUSTOM) or {}
        if not _holds(fields[name], encoded[_CUSTOM][fields[name].gid], held.get(fields[name].gid))
    ]
    return (*plain, *custom)


def _holds(field: Field, ours: Any, theirs: Body | None) -> bool:
    """A task that lacks the field holds nothing of it, not even null, unless it is about to get it."""
    if theirs is None:
        return field.foreseen and field.same(ours, {})
    return field.same(ours, theirs)


def without_filled(request: Body, task: Body, fields: Mapping[str, Field], if_empty: frozenset[str]) -> Body:
    """``request`` without those fields of ``if_empty`` (``notes``, ``custom_fields.<name>``) that hold something."""
    filled = if_empty & set(_filled(task, fields))
    kept = {name: value for name, value in request.items() if name not in filled}
    values = {k: v for k, v in (request.get(_CUSTOM) or {}).items() if f"{_CUSTOM}.{k}" not in filled}
    return {**kept, _CUSTOM: values}


def without_retired(request: Body, task: Body, fields: Mapping[str, Field]) -> Body:
    """``request`` without options that the task has and that are switched off: Asana takes them in no write."""
    held = by_gid(task)
    values = {
        name: value
        for name, value in (request.get(_CUSTOM) or {}).items()
        if name not in fields or not fields[name].holds_retired(value, held.get(fields[name].gid, {}))
    }
    return {**request, _CUSTOM: values}


def projects_of(task: Body) -> set[str]:
    return {str((one.get("project") or {}).get("gid")) for one in task.get("memberships") or []}


def _filled(task: Body, fields: Mapping[str, Field]) -> Iterator[str]:
    yield from (name for name in PLAIN if _text(task.get(name)))
    held = by_gid(task)
    for name, field in fields.items():
        if field.gid in held and not field.same(None, held[field.gid]):
            yield f"{_CUSTOM}.{name}"


def _text(value: Any) -> str:
    return "" if value is None else str(value).replace("\r\n", "\n").strip()
