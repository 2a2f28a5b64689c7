"""The addresses of tasks. https://developers.asana.com/reference/tasks"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from connectors.asana.sandbox.http import Answer, Call, Endpoint, Refused, Row, compact, forbidden, unknown
from connectors.asana.sandbox.task_records import TaskRecords

_UPDATE = frozenset(
    {
        "name", "resource_subtype", "approval_status", "assignee", "assignee_section", "assignee_status", "completed",
        "custom_fields", "due_at", "due_on", "external", "html_notes", "liked", "notes", "start_at", "start_on",
    }
)  # fmt: skip
_CREATE = _UPDATE | {"followers", "memberships", "parent", "projects", "tags", "workspace"}
_ADD = frozenset({"project", "insert_after", "insert_before", "section"})


class Tasks:
    """What is done to tasks through the API."""

    def __init__(self, records: TaskRecords) -> None:
        self.records = records
        self.workspace = records.workspace

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/tasks", self.listed),
            Endpoint("POST", "/tasks", self.create),
            Endpoint("GET", "/tasks/{task_gid}", self.get),
            Endpoint("PUT", "/tasks/{task_gid}", self.update),
            Endpoint("DELETE", "/tasks/{task_gid}", self.delete),
            Endpoint("POST", "/tasks/{task_gid}/addProject", self.add_project),
            Endpoint("GET", "/projects/{project_gid}/tasks", self.of_project),
        ]

    def listed(self, call: Call) -> Answer:
        query = call.query
        if not {"project", "section", "tag", "user_task_list"} & query.keys() and not {"assignee", "workspace"} <= (
            query.keys()
        ):
            raise Refused(400, "You should specify one of workspace with assignee, project, tag, section")
        rows = self.records.in_project(self.workspace.project(query.get("project")).gid)
        if since := query.get("modified_since"):
            rows = [row for row in rows if _instant(row["modified_at"]) >= _instant(since)]
        return call.page(_uncompleted_or_since(rows, query.get("completed_since")), self.records.show)

    def of_project(self, call: Call) -> Answer:
        rows = self.records.in_project(self.workspace.project(call.params["project_gid"]).gid)
        return call.page(_uncompleted_or_since(rows, call.query.get("completed_since")), self.records.show)

    def get(self, call: Call) -> Answer:
        return Answer(200, {"data": call.show(self.records.show(self._task(call)))})

    def create(self, call: Call) -> Answer:
        data = call.data(_CREATE)
        self._may_have_external(call, data)
        row = self.records.add(data, call.write)
        return Answer(201, {"data": call.show(self.records.show(row))}, {"Location": f"/api/1.0/tasks/{row['gid']}"})

    def update(self, call: Call) -> Answer:
        data, row = call.data(_UPDATE), self._task(call)
        self._may_have_external(call, data)
        self.records.change(row, data, call.write)
        return Answer(200, {"data": call.show(self.records.show(row))})

    def delete(self, call: Call) -> Answer:
        self.records.remove(self._task(call), call.write)
        return Answer(200, {"data": {}})

    def add_project(self, call: Call) -> Answer:
        data, row = call.data(_ADD), self._task(call)
        project = self.workspace.project(data.get("project"))
        if project.gid not in row["projects"]:
            row["projects"][project.gid] = data.get("section") or next(iter(project.sections))
            self.workspace.event(project.gid, call.write, "added", row, parent=compact(project.gid, "project", ""))
            self.workspace.effect(call.write, "task.added", self.records.key_of(row), project=project.name)
        return Answer(200, {"data": {}})

    def _may_have_external(self, call: Call, data: Row) -> None:
        if "external" in data and not call.by_oauth:
            raise Refused(403, "external: External data is available to OAuth apps only")

    def _task(self, call: Call) -> Row:
        gid = call.params["task_gid"]
        external = gid.removeprefix("external:")
        row = self.workspace.tasks.get(gid) if external == gid else self.records.with_external(external)
        if row is None or (external != gid and not call.by_oauth):
            raise unknown("task", gid)
        if self.records.is_hidden(row):
            raise forbidden()
        return row


def _uncompleted_or_since(rows: Sequence[Row], since: str | None) -> Sequence[Row]:
    if since is None:
        return rows
    moment = datetime.max.replace(tzinfo=UTC) if since == "now" else _instant(since)
    return [row for row in rows if not row["completed"] or _instant(row["completed_at"]) >= moment]


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, "modified_since: Not a valid date") from None
