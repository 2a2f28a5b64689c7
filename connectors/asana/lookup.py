"""Finding the task of an ERP object. Never by Asana's search, whose index lags behind the writes for a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from connectors.asana.client import Asana
from connectors.asana.errors import Refused
from connectors.asana.fields import VALUE_FIELDS
from ml_connector.core.concurrently import together
from ml_connector.core.records import Body

OPT_FIELDS = f"name,notes,due_on,created_at,memberships.project.gid,{VALUE_FIELDS}"

_MANY = 200
"""So many tasks of one project are cheaper to read with all others of it, 100 a call, than one by one."""


@dataclass(slots=True, frozen=True)
class Key:
    """What is known of a task: the project (its id) and the ERP object that it belongs to, perhaps its own id."""

    project: str
    external_id: str
    gid: str | None


Found = Body | Refused | None
"""A task; None: there is none; or why that cannot be told: it, or its project, is hidden from the token's user."""


async def find(client: Asana, keys: Sequence[Key]) -> list[Found]:
    """The task of each key. One whose own id is known is asked for by it, first of all; what is hidden is not looked
    for elsewhere, for it is there."""
    found = await _by_gid(client, keys)
    open_ = [key for key in keys if key not in found]
    by_id = _external if client.settings.found_by == "external" else _in_projects
    found |= await by_id(client, open_)
    return [found.get(key) for key in keys]


def external_gid(client: Asana, external_id: str) -> str:
    """Asana's ``external`` ids are one space for an app, whatever workspaces it is connected to."""
    return f"{client.settings.workspace}.{external_id}"


async def _by_gid(client: Asana, keys: Sequence[Key]) -> dict[Key, Body | Refused]:
    linked = {key.gid: key.project for key in keys if key.gid is not None}
    found: dict[str, Body | Refused] = {}
    for project, count in Counter(linked.values()).items():
        if count >= _MANY:
            with suppress(Refused):  # then they are asked for one by one
                async for rows, _, _ in client.pages(f"/projects/{project}/tasks", opt_fields=OPT_FIELDS):
                    found |= {task["gid"]: task for task in rows if task["gid"] in linked}
    rest = [gid for gid in linked if gid not in found]
    tasks = await together([client.task(gid, OPT_FIELDS) for gid in rest])
    found |= {gid: task for gid, task in zip(rest, tasks, strict=True) if task is not None}
    return {key: found[key.gid] for key in keys if key.gid in found}


async def _external(client: Asana, keys: Sequence[Key]) -> dict[Key, Body | Refused]:
    ids = [f"external:{external_gid(client, key.external_id)}" for key in keys]
    tasks = await together([client.task(one, OPT_FIELDS) for one in ids])
    return {key: task for key, task in zip(keys, tasks, strict=True) if task is not None}


async def _in_projects(client: Asana, keys: Sequence[Key]) -> dict[Key, Body | Refused]:
    """By the field: each project is read once, whole. Of several tasks with one id the oldest: people duplicate tasks,
    and the copy has the field, too."""
    wanted: dict[str, set[str]] = {}
    for key in keys:
        wanted.setdefault(key.project, set()).add(key.external_id)
    read = await together([_index(client, project, ids) for project, ids in wanted.items()])
    by_project = dict(zip(wanted, read, strict=True))
    return {key: task for key in keys if (task := by_project[key.project].get(key.external_id)) is not None}


async def _index(client: Asana, project: str, ids: set[str]) -> Mapping[str, Body | Refused]:
    found: dict[str, Body] = {}
    try:
        async for rows, _, _ in client.pages(f"/projects/{project}/tasks", opt_fields=OPT_FIELDS):
            for task in rows:
                held = erp_id(task, client.settings.id_field)
                if held in ids and _age(task) < _age(found.get(held)):
                    found[held] = task
    except Refused as error:
        if not error.out_of_reach:
            raise
        return dict.fromkeys(ids, error)
    return found


def erp_id(task: Body, id_field: str) -> str:
    """What a task's id field holds, "" if nothing."""
    for row in task.get("custom_fields") or []:
        if row.get("name") == id_field:
            return str(row.get("text_value") or "").strip()
    return ""


def _age(task: Body | None) -> tuple[bool, str, int]:
    """Orders tasks by when they were created; no task comes last."""
    return (True, "", 0) if task is None else (False, str(task.get("created_at")), int(task["gid"]))
