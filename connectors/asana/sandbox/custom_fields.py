"""Custom fields: definitions, options, which projects have them, and what a value has to be."""

from __future__ import annotations

from typing import Any

from connectors.asana.sandbox.http import Answer, Call, Endpoint, Refused, Row, Write, unknown
from connectors.asana.sandbox.workspace import WORKSPACE, Workspace

_CREATE = frozenset(
    {
        "workspace", "name", "resource_subtype", "description", "enum_options", "precision", "format", "currency_code",
        "custom_label", "custom_label_position", "has_notifications_enabled", "owned_by_app", "people_value",
    }
)  # fmt: skip
_KINDS = frozenset({"text", "number", "enum", "multi_enum", "date", "people"})
_UPDATE = frozenset({"name", "description", "precision"})
_OPTION = frozenset({"name", "enabled", "color", "insert_before", "insert_after"})
_ATTACH = frozenset({"custom_field", "is_important", "insert_before", "insert_after"})
_MOST_OPTIONS = 500


class CustomFields:
    """The custom fields of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/workspaces/{workspace_gid}/custom_fields", self.listed),
            Endpoint("POST", "/custom_fields", self.create),
            Endpoint("GET", "/custom_fields/{custom_field_gid}", self.get),
            Endpoint("PUT", "/custom_fields/{custom_field_gid}", self.update),
            Endpoint("POST", "/custom_fields/{custom_field_gid}/enum_options", self.create_option),
            Endpoint("PUT", "/enum_options/{enum_option_gid}", self.update_option),
            Endpoint("GET", "/projects/{project_gid}/custom_field_settings", self.settings),
            Endpoint("POST", "/projects/{project_gid}/addCustomFieldSetting", self.attach),
        ]

    def listed(self, call: Call) -> Answer:
        self.workspace.require_premium()
        if call.params["workspace_gid"] != WORKSPACE:
            raise unknown("workspace", call.params["workspace_gid"])
        return call.page(list(self.workspace.custom_fields.values()))

    def get(self, call: Call) -> Answer:
        return Answer(200, {"data": call.show(self._field(call.params["custom_field_gid"]))})

    def create(self, call: Call) -> Answer:
        self.workspace.require_premium()
        data = call.data(_CREATE)
        if data.get("workspace") != WORKSPACE:
            raise Refused(400, "workspace: Not a recognized ID")
        row = self.add(data, call.write)
        return Answer(201, {"data": call.show(row)})

    def add(self, data: Row, write: Write) -> Row:
        name, kind = data.get("name"), data.get("resource_subtype")
        if not isinstance(name, str) or not name or kind not in _KINDS:
            raise Refused(400, "custom_field: name and resource_subtype are required")
        if any(row["name"] == name for row in self.workspace.custom_fields.values()):
            raise Refused(400, f"custom_field: A custom field with the name '{name}' already exists in this workspace")
        precision = data.get("precision", 0 if kind == "number" else None)
        _require_precision(kind, precision)
        gid = self.workspace.new_gid()
        options = [self._option(option) for option in data.get("enum_options", [])]
        row: Row = {
            "gid": gid,
            "resource_type": "custom_field",
            "name": name,
            "resource_subtype": kind,
            "type": kind,
            "precision": precision,
            "is_value_read_only": False,
            "is_global_to_workspace": True,
            **({"enum_options": options} if kind in ("enum", "multi_enum") else {}),
        }
        self.workspace.custom_fields[gid] = row
        self.workspace.effect(write, "custom_field.created", name)
        return row

    def update(self, call: Call) -> Answer:
        """Neither its type nor its options can be changed here."""
        row, data = self._field(call.params["custom_field_gid"]), call.data(_UPDATE)
        _require_precision(row["resource_subtype"], data.get("precision", row["precision"]))
        row |= data
        self.workspace.effect(call.write, "custom_field.updated", row["name"])
        return Answer(200, {"data": call.show(row)})

    def create_option(self, call: Call) -> Answer:
        data = call.data(_OPTION)
        option = self.add_option(self._field(call.params["custom_field_gid"]), data, call.write)
        return Answer(201, {"data": call.show(option)})

    def add_option(self, row: Row, data: Row, write: Write) -> Row:
        options = row.get("enum_options")
        if options is None:
            raise Refused(400, "custom_field: Not an enum custom field")
        if any(option["name"] == data.get("name") for option in options):
            raise Refused(400, "name: Enum option name must be unique")
        if len(options) >= _MOST_OPTIONS:
            raise Refused(400, f"enum_options: A custom field can have at most {_MOST_OPTIONS} options")
        option = self._option(data)
        options.append(option)
        self.workspace.effect(write, "enum_option.created", str(option["name"]), field=row["name"])
        return option

    def update_option(self, call: Call) -> Answer:
        data, gid = call.data(_OPTION), call.params["enum_option_gid"]
        for row in self.workspace.custom_fields.values():
            for option in row.get("enum_options", []):
                if option["gid"] == gid:
                    option |= {name: data[name] for name in ("name", "enabled", "color") if name in data}
                    return Answer(200, {"data": call.show(option)})
        raise unknown("enum_option", gid)

    def settings(self, call: Call) -> Answer:
        project = self.workspace.project(call.params["project_gid"])
        rows = [
            {
                "gid": f"{project.gid}{number}",
                "resource_type": "custom_field_setting",
                "project": self.workspace.show_project(project),
                "custom_field": self.workspace.custom_fields[gid],
            }
            for number, gid in enumerate(project.fields)
        ]
        return call.page(rows)

    def attach(self, call: Call) -> Answer:
        self.workspace.require_premium()
        project = self.workspace.project(call.params["project_gid"])
        row = self._field(str(call.data(_ATTACH).get("custom_field")))
        if row["gid"] in project.fields:
            raise Refused(403, "custom_field: The custom field is already on the project")
        project.fields.append(row["gid"])
        self.workspace.effect(call.write, "custom_field.added", row["name"], project=project.name)
        return Answer(200, {"data": {"gid": project.gid, "resource_type": "custom_field_setting"}})

    def stored(self, gid: str, value: Any) -> Any:
        """A value as Asana keeps it; refused if it is of another type than the field."""
        row = self._field(gid)
        if value is None:
            return None
        match row["resource_subtype"]:
            case "text" if isinstance(value, str) and len(value) <= 1024:
                return value
            case "number" if isinstance(value, (int, float)) and not isinstance(value, bool):
                return round(value, row["precision"]) if row["precision"] else round(value)
            case "enum" if any(o["gid"] == value and o["enabled"] for o in row["enum_options"]):
                return value
            case "date" if isinstance(value, dict) and value.keys() <= {"date", "date_time"}:
                return value
        raise Refused(400, f"custom_fields: Invalid value for the custom field with ID {gid}")

    def show(self, gid: str, value: Any) -> Row:
        """A custom field as it stands on a task."""
        row = self.workspace.custom_fields[gid]
        option = next((o for o in row.get("enum_options", []) if o["gid"] == value), None)
        shown = {name: row[name] for name in ("gid", "resource_type", "name", "resource_subtype", "type", "precision")}
        match row["resource_subtype"]:
            case "number":
                shown["number_value"] = value
            case "enum":
                shown["enum_value"] = option
            case "date":
                shown["date_value"] = None if value is None else {"date": value.get("date"), "date_time": None}
            case _:
                shown["text_value"] = value
        text = option["name"] if option else value.get("date") if isinstance(value, dict) else value
        return {**shown, "enabled": True, "display_value": None if text is None else str(text)}

    def remove(self, gid: str) -> None:
        """With all that stands in it."""
        del self.workspace.custom_fields[gid]
        for project in self.workspace.projects.values():
            project.fields = [held for held in project.fields if held != gid]
        for task in self.workspace.tasks.values():
            task["values"].pop(gid, None)

    def named(self, name: str) -> Row:
        return next(row for row in self.workspace.custom_fields.values() if row["name"] == name)

    def _option(self, data: Row) -> Row:
        if not isinstance(data.get("name"), str) or not data["name"]:
            raise Refused(400, "name: Missing input")
        gid = self.workspace.new_gid()
        option = {"gid": gid, "resource_type": "enum_option", "name": data["name"]}
        return {**option, "enabled": data.get("enabled", True), "color": data.get("color", "none")}

    def _field(self, gid: str) -> Row:
        if gid not in self.workspace.custom_fields:
            raise unknown("custom_field", gid)
        return self.workspace.custom_fields[gid]


def _require_precision(kind: str, precision: Any) -> None:
    if kind == "number" and precision not in range(7):
        raise Refused(400, "precision: Must be between 0 and 6")
