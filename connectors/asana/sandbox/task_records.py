"""Tasks: what may be written to them, what they show, and the events that each change causes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from connectors.asana.sandbox.custom_fields import CustomFields
from connectors.asana.sandbox.http import Refused, Row, Write, compact
from connectors.asana.sandbox.workspace import WORKSPACE, Workspace

_TEXTS = ("name", "notes", "html_notes", "assignee", "due_at", "due_on", "start_on", "start_at")
_APPROVALS = frozenset({"pending", "approved", "rejected", "changes_requested"})


class TaskRecords:
    """The tasks of one workspace, whoever writes them."""

    def __init__(self, workspace: Workspace, custom_fields: CustomFields) -> None:
        self.workspace = workspace
        self.custom_fields = custom_fields

    def add(self, data: Row, write: Write) -> Row:
        projects = [self.workspace.project(gid).gid for gid in data.get("projects", [])]
        if not projects and data.get("workspace") != WORKSPACE:
            raise Refused(400, "You should specify one of workspace, parent, projects")
        now = self.workspace.now()
        row: Row = {
            "gid": self.workspace.new_gid(),
            "name": "",
            "notes": "",
            "due_on": None,
            "due_at": None,
            "completed": False,
            "completed_at": None,
            "completed_by": None,
            "created_at": now,
            "modified_at": now,
            "resource_subtype": data.get("resource_subtype", "default_task"),
            "approval_status": "pending" if data.get("resource_subtype") == "approval" else None,
            "external": None,
            "projects": {gid: next(iter(self.workspace.projects[gid].sections)) for gid in projects},
            "values": {},
        }
        self._apply(row, data, write)
        self.workspace.tasks[row["gid"]] = row
        for gid in projects:
            self.workspace.event(gid, write, "added", row, parent={"gid": gid, "resource_type": "project"})
        self.workspace.effect(write, "task.created", self.key_of(row), name=row["name"])
        return row

    def change(self, row: Row, data: Row, write: Write) -> None:
        before = {**row, "values": dict(row["values"])}
        changed = self._apply(row, data, write)
        if not changed:
            return
        row["modified_at"] = self.workspace.now()
        for name in changed:
            for gid in row["projects"]:
                self.workspace.event(gid, write, "changed", row, change={"field": name, "action": "changed"})
        if before["completed"] != row["completed"]:
            self.workspace.effect(write, "task.completed" if row["completed"] else "task.reopened", self.key_of(row))
        self.workspace.effect(write, "task.updated", self.key_of(row), fields=changed)

    def remove(self, row: Row, write: Write) -> None:
        del self.workspace.tasks[row["gid"]]
        for gid in row["projects"]:
            self.workspace.event(gid, write, "deleted", row)
        self.workspace.effect(write, "task.deleted", self.key_of(row))

    def key_of(self, row: Row) -> str:
        """How effects name a task: by its Oracle ID, where it has one."""
        if row["external"]:
            return str(row["external"]["gid"])
        fields = self.workspace.custom_fields
        held = (value for gid, value in row["values"].items() if fields[gid]["name"] == "Oracle ID" and value)
        return str(next(held, row["gid"]))

    def show(self, row: Row) -> Row:
        names = ("gid", "name", "notes", "due_on", "due_at", "completed", "completed_at", "created_at", "modified_at")
        projects = [self.workspace.projects[gid] for gid in row["projects"] if gid not in self.workspace.hidden]
        attached = dict.fromkeys(gid for project in projects for gid in project.fields)
        return {
            **{name: row[name] for name in (*names, "resource_subtype", "approval_status", "external")},
            "resource_type": "task",
            "completed_by": self.workspace.show_user(row["completed_by"]) if row["completed_by"] else None,
            "assignee": None,
            "parent": None,
            "workspace": compact(WORKSPACE, "workspace", "Sandbox"),
            "projects": [compact(project.gid, "project", project.name) for project in projects],
            "memberships": [
                {
                    "project": compact(project.gid, "project", project.name),
                    "section": compact(
                        row["projects"][project.gid], "section", project.sections[row["projects"][project.gid]]
                    ),
                }
                for project in projects
            ],
            "custom_fields": [self.custom_fields.show(gid, row["values"].get(gid)) for gid in attached],
            "permalink_url": f"https://app.asana.com/1/{WORKSPACE}/task/{row['gid']}",
        }

    def with_external(self, gid: str) -> Row | None:
        rows = self.workspace.tasks.values()
        return next((row for row in rows if row["external"] and row["external"]["gid"] == gid), None)

    def in_project(self, project: str) -> Sequence[Row]:
        rows = self.workspace.tasks.values()
        return [row for row in rows if project in row["projects"] and row["gid"] not in self.workspace.hidden]

    def is_hidden(self, row: Row) -> bool:
        """By itself, or because all its projects are."""
        hidden, projects = self.workspace.hidden, row["projects"].keys()
        return row["gid"] in hidden or (bool(projects) and projects <= hidden)

    def _apply(self, row: Row, data: Row, write: Write) -> list[str]:
        """Write the attributes; the names of what has changed."""
        after = dict(row)
        for name in _TEXTS:
            if name in data:
                if data[name] is not None and not isinstance(data[name], str):
                    raise Refused(400, f"{name}: Value is not a string")
                after[name] = data[name] or ("" if name in ("name", "notes") else None)
        if data.get("due_on") is not None:
            after["due_on"] = _day(data["due_on"])
        if data.get("due_on") and data.get("due_at"):
            raise Refused(400, "You may only set one of due_on or due_at")
        if "external" in data:
            after["external"] = self._external(row, data["external"])
        self._complete(after, data, write)
        after["values"] = {**row["values"], **self._values(row, data.get("custom_fields", {}))}
        names = [name for name in after if name in row and after[name] != row[name] and name != "completed_at"]
        row |= after
        return ["custom_fields" if name == "values" else name for name in names if name != "completed_by"]

    def _complete(self, row: Row, data: Row, write: Write) -> None:
        completed = data.get("completed", row["completed"])
        if not isinstance(completed, bool):
            raise Refused(400, "completed: Value is not a boolean")
        if "approval_status" in data:
            if row["resource_subtype"] != "approval" or data["approval_status"] not in _APPROVALS:
                raise Refused(400, "approval_status: Cannot write this property")
            row["approval_status"] = data["approval_status"]
            completed = data["approval_status"] != "pending"
        if completed != row["completed"]:
            row["completed_at"], row["completed_by"] = (self.workspace.now(), write.user) if completed else (None, None)
        row["completed"] = completed

    def _values(self, row: Row, values: Any) -> Row:
        if not isinstance(values, dict):
            raise Refused(400, "custom_fields: Value is not an object")
        if values:
            self.workspace.require_premium()
        attached = {gid for project in row["projects"] for gid in self.workspace.projects[project].fields}
        for gid in values:
            if gid not in attached:
                raise Refused(400, f"custom_fields: Custom field with ID {gid} is not on given object")
        return {gid: self.custom_fields.stored(gid, value) for gid, value in values.items()}

    def _external(self, row: Row, value: Any) -> Row | None:
        if value is None:
            return None
        if not isinstance(value, dict) or not isinstance(value.get("gid"), str) or len(value["gid"]) > 1024:
            raise Refused(400, "external: Invalid value")
        owner = self.with_external(value["gid"])
        if owner is not None and owner["gid"] != row["gid"]:
            raise Refused(400, "external: Another object already has this external gid")
        return {"gid": value["gid"], "data": value.get("data")}


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Refused(400, "due_on: Not a valid date") from None
