"""Custom fields and their options: creating those that are missing, and adding them to the projects.

https://developers.asana.com/reference/createcustomfield
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.asana.client import VENDOR, Asana
from connectors.asana.fields import Field, by_name, folded
from connectors.asana.projects import read_fields
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.errors import Misconfigured
from ml_connector.core.records import Body

MOST_OPTIONS = 500
"""Of one field, those that are switched off included."""
_KINDS = {"decimal": "number", "integer": "number", "date": "date", "enum": "enum"}
"""Asana's types; text stands for all others, for it has no checkbox."""
FIELD_FIELDS = (
    "gid,name,resource_subtype,precision,is_value_read_only,enum_options.gid,enum_options.name,enum_options.enabled"
)
"""Of a custom field itself."""


async def ensure_fields(client: Asana, wanted: Mapping[str, Mapping[str, CustomField]]) -> list[str]:
    """Create what the workspace lacks, add it to each project of the connection; returns what was done, by names.

    Fields go by their titles. A number gets more decimals where it has too few, and never less. Misconfigured: a field
    of that name has another type, or would have too many options.
    """
    fields = {field.title: field for field in wanted.get("custom_fields", {}).values()}
    settings = client.settings
    if settings.found_by == "field":
        fields.setdefault(settings.id_field, CustomField(title=settings.id_field, type="text"))
    shared: dict[str, Field] | None = None
    done: list[str] = []
    for name, project in settings.projects.items():
        there = await read_fields(client, project)
        for title, spec in fields.items():
            if title not in there:
                shared = shared if shared is not None else await of_workspace(client)
                if title not in shared:
                    shared[title] = await _create(client, spec)
                    done.append(title)
                _check(shared[title], spec)
                await client.create(f"/projects/{project}/addCustomFieldSetting", {"custom_field": shared[title].gid})
                done.append(f"{title} in project {name}")
                there[title] = shared[title]
            _check(there[title], spec)
            if _is_too_coarse(there[title], spec):
                await client.update(f"/custom_fields/{there[title].gid}", {"precision": spec.precision})
                done.append(f"{title}: {spec.precision} decimals")
            done += [f"{title}: {option}" for option in await _add_options(client, there[title].gid, spec.options)]
    return list(dict.fromkeys(done))


async def of_workspace(client: Asana) -> dict[str, Field]:
    """All custom fields of the workspace, by name."""
    path = f"/workspaces/{client.settings.workspace}/custom_fields"
    return by_name(Field.of(row) for row in await client.all(path, opt_fields=FIELD_FIELDS))


async def _create(client: Asana, spec: CustomField) -> Field:
    kind = _KINDS.get(spec.type, "text")
    data: Body = {"workspace": client.settings.workspace, "name": spec.title, "resource_subtype": kind}
    if kind == "number":
        data["precision"] = spec.precision if spec.type == "decimal" else 0
    if kind == "enum":
        _require_room(spec.title, len(spec.options))
        data["enum_options"] = [{"name": option} for option in spec.options]
    answer, _ = await client.create("/custom_fields", data, opt_fields=FIELD_FIELDS)
    return Field.of(answer["data"])


def _is_too_coarse(field: Field, spec: CustomField) -> bool:
    return spec.type == "decimal" and field.precision is not None and field.precision < spec.precision


async def _add_options(client: Asana, gid: str, options: Sequence[str]) -> list[str]:
    if not options:
        return []
    row = await client.get(f"/custom_fields/{gid}", opt_fields=FIELD_FIELDS)
    held = {folded(str(o["name"])): o for o in row.get("enum_options") or []}
    wanted = {folded(option): option.strip() for option in options if option.strip()}
    missing = {key: option for key, option in wanted.items() if key not in held}
    _require_room(str(row["name"]), len(row.get("enum_options") or []) + len(missing))
    off = [held[key] for key in wanted if key in held and not held[key].get("enabled", True)]
    for option in off:
        await client.update(f"/enum_options/{option['gid']}", {"enabled": True})
    for name in missing.values():
        await client.create(f"/custom_fields/{gid}/enum_options", {"name": name})
    return [str(option["name"]) for option in off] + list(missing.values())


def _require_room(title: str, count: int) -> None:
    if count > MOST_OPTIONS:
        raise Misconfigured(
            f"the field `{title}` would have {count} options, and Asana allows {MOST_OPTIONS}: make it a text "
            "field, or let fewer values into it",
            vendor=VENDOR,
        )


def _check(field: Field, spec: CustomField) -> None:
    kind = _KINDS.get(spec.type, "text")
    if field.kind != kind:
        raise Misconfigured(
            f"Asana has a field `{field.name}` of type {field.kind}, and {kind} is needed: rename it there, or give "
            "ours another title in the mapping",
            vendor=VENDOR,
        )
