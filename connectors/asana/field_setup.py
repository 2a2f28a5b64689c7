"""Custom fields and their options: creating those that are missing, and adding them to the projects.

https://developers.asana.com/reference/createcustomfield
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connectors.asana.client import VENDOR, Asana
from connectors.asana.errors import Refused
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


async def ensure_fields(
    client: Asana, wanted: Mapping[str, Mapping[str, CustomField]], *, preview: bool = False
) -> list[str]:
    """Create what the workspace lacks, add it to each project of the connection; returns what was done, by names.

    Fields go by their titles. A number gets more decimals where it has too few, and never less. In a ``preview``
    nothing is sent: the client takes it for done. Misconfigured: a field of that name has another type, or would have
    too many options.
    """
    fields = {field.title: field for field in wanted.get("custom_fields", {}).values()}
    settings = client.settings
    if settings.found_by == "field":
        fields.setdefault(settings.id_field, CustomField(title=settings.id_field, type="text"))
    setup = _Setup(client, preview)
    for name, project in settings.projects.items():
        await setup.project(name, project, fields)
    return list(dict.fromkeys(setup.done))


async def of_workspace(client: Asana) -> dict[str, Field]:
    """All custom fields of the workspace, by name."""
    workspace = client.settings.workspace
    if workspace in client.foreseen:
        return dict(client.foreseen[workspace])
    rows = await client.all(f"/workspaces/{workspace}/custom_fields", opt_fields=FIELD_FIELDS)
    return by_name(Field.of(row) for row in rows)


class _Setup:
    """One pass over the projects of a connection; ``done``: what was done, or in a preview would be."""

    def __init__(self, client: Asana, preview: bool) -> None:
        self.done: list[str] = []
        self._client = client
        self._preview = preview
        self._shared: dict[str, Field] | None = None
        self._left: dict[str, Field] = {}  # by id, as they have been left: `_shared` was read before

    async def project(self, name: str, gid: str, wanted: Mapping[str, CustomField]) -> None:
        try:
            there = await read_fields(self._client, gid)
        except Refused as error:
            if self._preview and error.out_of_reach:
                return  # its records are rejected, and say why
            raise
        for title, spec in wanted.items():
            if title not in there:
                there[title] = await self._added(name, gid, spec)
            _check(there[title], spec)
            there[title] = await self._fitted(there[title], spec)
        if self._preview:
            self._client.foreseen[gid] = there

    async def _added(self, name: str, project: str, spec: CustomField) -> Field:
        """The workspace's field, or a new one, in a project that lacks it."""
        shared = await self._of_workspace()
        if spec.title not in shared:
            shared[spec.title] = await self._created(spec)
            self.done.append(spec.title)
        field = shared[spec.title]
        _check(field, spec)
        if not self._preview:
            path = f"/projects/{project}/addCustomFieldSetting"
            await self._client.create(path, {"custom_field": field.gid})
        self.done.append(f"{spec.title} in project {name}")
        return replace(field, foreseen=self._preview)

    async def _of_workspace(self) -> dict[str, Field]:
        if self._shared is None:
            self._shared = await of_workspace(self._client)
            if self._preview:
                self._client.foreseen[self._client.settings.workspace] = self._shared
        return self._shared

    async def _created(self, spec: CustomField) -> Field:
        kind = _KINDS.get(spec.type, "text")
        data: Body = {"workspace": self._client.settings.workspace, "name": spec.title, "resource_subtype": kind}
        if kind == "number":
            data["precision"] = spec.precision if spec.type == "decimal" else 0
        if kind == "enum":
            _require_room(spec.title, len(spec.options))
            data["enum_options"] = [{"name": option} for option in spec.options]
        if self._preview:
            options = {option: f"{spec.title} {option}" for option in spec.options}
            return Field(spec.title, spec.title, kind, data.get("precision"), options, foreseen=True)
        answer, _ = await self._client.create("/custom_fields", data, opt_fields=FIELD_FIELDS)
        return Field.of(answer["data"])

    async def _fitted(self, field: Field, spec: CustomField) -> Field:
        """With the decimals and the options that are wanted."""
        field = replace(self._left.get(field.gid, field), foreseen=field.foreseen)
        if spec.type == "decimal" and field.precision is not None and field.precision < spec.precision:
            if not self._preview:
                await self._client.update(f"/custom_fields/{field.gid}", {"precision": spec.precision})
            self.done.append(f"{field.name}: {spec.precision} decimals")
            field = replace(field, precision=spec.precision)
        on, off = ({folded(name): gid for name, gid in held.items()} for held in (field.options, field.off))
        wanted = {folded(option): option.strip() for option in spec.options if option.strip()}
        missing = {key: option for key, option in wanted.items() if key not in on}
        _require_room(field.name, len({*on, *off, *missing}))
        for key, option in missing.items():
            if not self._preview:
                await self._choosable(field, option, off.get(key))
            self.done.append(f"{field.name}: {option}")
        options = {**field.options, **{option: f"{field.name} {option}" for option in missing.values()}}
        self._left[field.gid] = replace(field, options=options)
        return self._left[field.gid]

    async def _choosable(self, field: Field, option: str, switched_off: str | None) -> None:
        if switched_off is not None:
            await self._client.update(f"/enum_options/{switched_off}", {"enabled": True})
        else:
            await self._client.create(f"/custom_fields/{field.gid}/enum_options", {"name": option})


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
