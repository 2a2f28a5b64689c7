"""Completed tasks as a source: a scan of the projects, and single ones afresh when an event tells of them.

Asana's webhooks lose events and tell none twice, so the scan is what nothing is lost by; the webhooks are for speed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from connectors.asana.client import VENDOR, Asana
from connectors.asana.comparing import projects_of
from connectors.asana.errors import Refused
from connectors.asana.fields import VALUE_FIELDS, value_of
from connectors.asana.lookup import erp_id
from connectors.asana.webhook import APPROVAL_CHANGED, COMPLETED_CHANGED
from ml_connector.core.concurrently import together
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Body, Page, SourceRecord, Window

_OPT_FIELDS = (
    "name,completed,completed_at,completed_by.name,modified_at,resource_subtype,approval_status,permalink_url,"
    f"memberships.project.name,memberships.section.name,{VALUE_FIELDS}"
)
_BEGINNING = "1970-01-01T00:00:00Z"
_GONE = (
    "Asana has no such project, or hides it from the token's user: add that user to it as an editor, or take it out of "
    "`projects`"
)
_NO_FIELD = "the project has no field `{}`: give it its name back, correct `po_field`, or run `ml-connector apply`"
_AGAIN = "The others are scanned; until all can be, each run scans them from the same moment on"


class CompletedTasks:
    """Records are `models.CompletedTask`; the source id is the task's gid.

    A version is one completion: what is written on a completed task later is no new one, and a task that is opened and
    completed again is; so is an approval that is decided otherwise. One that was opened again is a record, too
    (``completed`` is false), where an event tells of it: it stands before a completion that was not handled yet.
    """

    system = VENDOR
    operation = "REST 1.0 tasks"
    windowed = True
    continues = False
    objects = "task"

    def __init__(self, client: Asana) -> None:
        self._client = client

    async def clock(self) -> datetime:
        return await self._client.clock()

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        """Tasks of the projects that were completed in the window or since, project by project.

        Asana filters by modification, and a completion is one, so all of them are among what was modified since
        ``lo``. What was completed before and only modified since, by a comment perhaps, is left out: the window in
        which it was completed had it. Not so an approval: Asana keeps the time of completion when one that was rejected
        is granted after all, so one that is known may have been decided otherwise (`SourceRecord.later`).

        Misconfigured, when all others have been read: a project is gone or hidden, or has lost the field that says
        which purchase order a task is about. So the window is not complete: it is read again when that is mended.
        """
        projects = sorted(set(self._client.settings.projects.values()))
        at = json.loads(cursor) if cursor else {"project": "", "offset": ""}
        refused: dict[str, str] = dict.fromkeys(at.get("refused", ()), "")
        seen: set[str] = set()  # a task may be in several projects
        for project in (*(p for p in projects if p >= at["project"]), *(p for p in projects if p < at["project"])):
            if project < at["project"] and project not in refused:
                continue
            refused.pop(project, None)
            try:
                async for rows, place, request_id in self._project(project, window, at):
                    if any(not self._has_po_field(row) for row in rows):
                        refused[project] = _NO_FIELD.format(self._client.settings.po_field)
                        break
                    records = [self._record(row, window.lo) for row in rows if row["gid"] not in seen]
                    seen |= {record.source_id for record in records}
                    if records:
                        yield Page(records, json.dumps({**place, "refused": sorted(refused)}), request_id)
            except Refused as error:
                if not error.out_of_reach:
                    raise
                refused[project] = _GONE
        told = [f"{name}: {refused[gid]}." for name, gid in self._client.settings.projects.items() if gid in refused]
        if told:
            raise Misconfigured(" ".join([*told, _AGAIN]), vendor=VENDOR, phase="scan of the projects")

    async def _project(
        self, project: str, window: Window, at: Body
    ) -> AsyncIterator[tuple[list[Body], Body, str | None]]:
        """The completed tasks of a project page by page, the place behind them, and Asana's request id."""
        since = _BEGINNING if window.lo is None else window.lo.isoformat()
        query = {"project": project, "modified_since": since, "opt_fields": _OPT_FIELDS}
        offset = at["offset"] if project == at["project"] else ""
        try:
            async for rows, after, request_id in self._client.pages("/tasks", offset, **query):
                # behind the last page stands the next project: no gid comes between
                place = {"project": project if after else f"{project}!", "offset": after}
                yield [row for row in rows if _completed_since(row, window.lo)], place, request_id
        except Refused as error:
            if error.code != "stale_offset" or not offset:
                raise
            async for page in self._project(project, window, {**at, "offset": ""}):  # the ledger knows what comes again
                yield page

    async def lookup(self, ids: Sequence[str]) -> list[SourceRecord]:
        """Without those whose project has lost the field of the purchase order: the scan waits for it, and says so."""
        found = await together([self._client.task(gid, _OPT_FIELDS) for gid in ids if gid.isdigit()])
        return [self._record(row) for row in found if isinstance(row, dict) and self._has_po_field(row)]

    async def concerns(self, kind: str, object_key: str, body: bytes) -> bool:
        """A task was completed or opened again: Asana does not say which. Our own writes do neither."""
        del body
        return kind in (COMPLETED_CHANGED, APPROVAL_CHANGED) and object_key.startswith(f"{self.objects}:")

    def _has_po_field(self, row: Body) -> bool:
        """A task shows every field of its projects, empty ones, too; a subtask that is in no project shows none."""
        if projects_of(row).isdisjoint(self._client.settings.projects.values()):
            return True
        return any(field.get("name") == self._client.settings.po_field for field in row.get("custom_fields") or [])

    def _record(self, row: Body, lo: datetime | None = None) -> SourceRecord:
        settings = self._client.settings
        completed = row.get("completed") is True
        at = _instant(row["completed_at"]) if completed else None
        body: dict[str, Any] = {
            "gid": str(row["gid"]),
            "name": row.get("name") or "",
            "completed": completed,
            "completed_at": at.isoformat() if at else None,
            "completed_by": _person(row.get("completed_by")) if completed else None,
            "resource_subtype": row.get("resource_subtype") or "default_task",
            "approval_status": row.get("approval_status"),
            "oracle_id": erp_id(row, settings.id_field) or None,
            "po_number": erp_id(row, settings.po_field) or None,
            "custom_fields": {str(field["name"]): value_of(field) for field in row.get("custom_fields") or []},
            "memberships": sorted(
                (_membership(one) for one in row.get("memberships") or []), key=lambda one: str(one["project"])
            ),
            "permalink_url": row.get("permalink_url"),
        }
        moment = at or _instant(row["modified_at"])
        later = lo is not None and moment <= lo
        return SourceRecord(body["gid"], moment, body, version=_version(body), later=later)


def _version(body: Body) -> str:
    """Of an approval the decision, too: another one may follow with the same time of completion."""
    if not body["completed"]:
        return "open"
    return f"completed {body['approval_status']}" if body["resource_subtype"] == "approval" else "completed"


def _completed_since(row: Body, lo: datetime | None) -> bool:
    if row.get("completed") is not True:
        return False
    return lo is None or row.get("resource_subtype") == "approval" or _instant(row["completed_at"]) > lo


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _person(row: Body | None) -> Body | None:
    return {"gid": str(row["gid"]), "name": row.get("name")} if row else None


def _membership(row: Body) -> Body:
    project, section = row.get("project") or {}, row.get("section") or {}
    return {"project": str(project.get("gid")), "project_name": project.get("name"), "section": section.get("name")}
