"""What people do in the workspace by hand, for tests and the demo."""

from __future__ import annotations

import random
from typing import Any

from connectors.asana.sandbox.custom_fields import CustomFields
from connectors.asana.sandbox.deliveries import Deliveries
from connectors.asana.sandbox.http import Row, Write
from connectors.asana.sandbox.task_records import TaskRecords
from connectors.asana.sandbox.workspace import PERSON, Workspace

BY_HAND = Write("by-hand", PERSON, recorded=False)
_CHANGES = frozenset({"keys", "where", "count", "create", "set", "complete", "reopen", "approve", "hide", "delete"})
_NAMES = ("Review", "Kick-off", "Delivery", "Installation", "Acceptance", "Invoice check")


def seed_projects(workspace: Workspace, count: int) -> int:
    for number in range(count):
        workspace.add_project(f"Project {number + 1}")
    return count


def seed_tasks(tasks: TaskRecords, count: int, seed: int) -> int:
    """Open tasks, one after the other in each project."""
    chance, projects = random.Random(seed), list(tasks.workspace.projects)
    for number in range(count):
        data = {"name": f"{chance.choice(_NAMES)} {number + 1}", "projects": [projects[number % len(projects)]]}
        tasks.add(data, BY_HAND)
    return count


def mutate_tasks(tasks: TaskRecords, change: dict[str, Any]) -> list[str]:
    """Change tasks; the gids of those concerned.

    Which: ``keys`` (gids or Oracle IDs), ``where``: custom fields (by name) or attributes with their values, ``count``:
    so many of the open ones, the oldest first, or ``create``: the attributes of a new one. How: ``set`` (attributes,
    custom fields by name, options by name), ``complete``, ``reopen``, ``approve`` (a status), ``hide`` (true or false:
    whether the tokens' user may not see them) or ``delete``.
    """
    if unknown := change.keys() - _CHANGES:
        raise ValueError(f"a change has {', '.join(sorted(_CHANGES))}; not {', '.join(sorted(unknown))}")
    if "create" in change:
        data = _data(tasks, change["create"])
        data["projects"] = data.get("projects") or [next(iter(tasks.workspace.projects))]
        return [str(tasks.add(data, BY_HAND)["gid"])]
    rows = _chosen(tasks, change)
    for row in rows:
        if change.get("delete"):
            tasks.remove(row, BY_HAND)
            continue
        if "hide" in change:
            _hide(tasks.workspace, row["gid"], change["hide"])
        data = _data(tasks, change.get("set", {}))
        if change.get("complete") or change.get("reopen"):
            data["completed"] = bool(change.get("complete"))
        if "approve" in change:
            data["approval_status"] = change["approve"]
        tasks.change(row, data, BY_HAND)
    return [str(row["gid"]) for row in rows]


def mutate_projects(workspace: Workspace, change: dict[str, Any]) -> list[str]:
    """``create``: a name. Of those of ``keys``: ``hide`` (true or false), or ``delete``."""
    if "create" in change:
        return [workspace.add_project(str(change["create"]["name"])).gid]
    for gid in change["keys"]:
        if change.get("delete"):
            workspace.remove_project(gid)
        else:
            _hide(workspace, gid, change["hide"])
    return list(change["keys"])


def mutate_fields(fields: CustomFields, change: dict[str, Any]) -> list[str]:
    """Of the custom fields of ``keys`` (their names): ``rename`` (to a name), or ``delete``."""
    rows = [fields.named(name) for name in change["keys"]]
    for row in rows:
        if change.get("delete"):
            fields.remove(row["gid"])
        else:
            row["name"] = str(change["rename"])
    return [row["gid"] for row in rows]


def _hide(workspace: Workspace, gid: str, hide: bool) -> None:
    (workspace.hidden.add if hide else workspace.hidden.discard)(gid)


def mutate_webhooks(deliveries: Deliveries, change: dict[str, Any]) -> list[str]:
    """``drop``: so many deliveries are lost from now on. ``again``: all that was ever sent comes once more. ``delete``:
    those of ``keys`` (projects), or all, are gone."""
    deliveries.drop = int(change.get("drop", deliveries.drop))
    if change.get("again"):
        deliveries.again()
    rows = deliveries.workspace.webhooks.values() if change.get("delete") else []
    gone = [row["gid"] for row in rows if row["resource"]["gid"] in change.get("keys", [row["resource"]["gid"]])]
    for gid in gone:
        deliveries.remove(gid)
    return gone


def _data(tasks: TaskRecords, given: Row) -> Row:
    """Attributes as the API takes them: custom fields and options by their ids."""
    data = dict(given)
    if "custom_fields" in data:
        values = {}
        for name, value in data["custom_fields"].items():
            field = tasks.custom_fields.named(name)
            options = {option["name"]: option["gid"] for option in field.get("enum_options", [])}
            values[field["gid"]] = options.get(value, value)
        data["custom_fields"] = values
    return data


def _chosen(tasks: TaskRecords, change: dict[str, Any]) -> list[Row]:
    rows = list(tasks.workspace.tasks.values())
    if "keys" in change:
        keys = {str(key) for key in change["keys"]}
        return [row for row in rows if row["gid"] in keys or tasks.key_of(row) in keys]
    if "count" in change:
        return [row for row in rows if not row["completed"]][: int(change["count"])]
    return [row for row in rows if all(_held(tasks, row, name) == value for name, value in change["where"].items())]


def _held(tasks: TaskRecords, row: Row, name: str) -> Any:
    if name in row:
        return row[name]
    fields = {field["name"]: field["display_value"] for field in tasks.show(row)["custom_fields"]}
    return fields.get(name)
