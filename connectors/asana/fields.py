"""Custom fields of a project: how their values are written, compared and read.

https://developers.asana.com/docs/custom-fields-guide
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ml_connector.core.records import Body

OPT_FIELDS = ",".join(
    f"custom_field.{name}"
    for name in (
        "gid",
        "name",
        "resource_subtype",
        "precision",
        "is_value_read_only",
        "enum_options.gid",
        "enum_options.name",
        "enum_options.enabled",
    )
)
"""Of a project's custom field settings."""
VALUE_FIELDS = ",".join(
    f"custom_fields.{name}"
    for name in (
        "gid",
        "name",
        "resource_subtype",
        "text_value",
        "number_value",
        "display_value",
        "enum_value.gid",
        "enum_value.name",
        "multi_enum_values.name",
        "date_value",
    )
)
"""Of a task."""
LONGEST_TEXT = 1024


class Unwritable(Exception):
    """A value that cannot stand in its field; the message names the field, never the value."""


class NotYet(Unwritable):
    """The project lacks the field, or the enum field the option, that the value needs: it may yet get it."""


@dataclass(slots=True, frozen=True)
class Field:
    """One custom field of a project. ``options``: gids by name of those that can be chosen; ``off``: of the others."""

    gid: str
    name: str
    kind: str
    """Asana's ``resource_subtype``: ``text``, ``number``, ``enum``, ``date``..."""
    precision: int | None
    options: Mapping[str, str]
    off: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False
    foreseen: bool = False
    """In a preview: it is not there, or not in the project, until `field_setup` has put it there."""

    @classmethod
    def of(cls, row: Body) -> Field:
        options: dict[bool, dict[str, str]] = {True: {}, False: {}}
        for option in row.get("enum_options") or []:
            options[bool(option.get("enabled", True))][str(option["name"])] = str(option["gid"])
        kind, read_only = str(row.get("resource_subtype")), bool(row.get("is_value_read_only"))
        return cls(
            str(row["gid"]), str(row["name"]), kind, row.get("precision"), options[True], options[False], read_only
        )

    def holds_retired(self, value: Any, theirs: Body) -> bool:
        """Whether a task has the option of this name, which nobody can choose any more."""
        held = (theirs.get("enum_value") or {}).get("gid")
        return self.kind == "enum" and held is not None and _option(self.off, _plain(value)) == held

    def encode(self, value: Any) -> Any:
        """The value as Asana wants it; None clears the field. Raises `Unwritable`."""
        if self.read_only:
            raise Unwritable(f"field {self.name} is computed by Asana and cannot be written")
        if value is None or value == "":
            return None
        match self.kind:
            case "text":
                return self._text(value)
            case "number":
                return self._number(value)
            case "enum":
                if (gid := _option(self.options, _plain(value))) is None:
                    raise NotYet(
                        f"field {self.name} has no option for the value yet: reference data, or `apply`, adds it"
                    )
                return gid
            case "date":
                return {"date": str(value)[:10]}
            case kind:
                raise Unwritable(f"field {self.name} is of type {kind}, which we do not write: make it a text field")

    def same(self, ours: Any, theirs: Body) -> bool:
        """Whether a task's field holds an encoded value already."""
        match self.kind:
            case "number":
                held = theirs.get("number_value")
                return ours is None if held is None else ours is not None and Decimal(str(held)) == ours
            case "enum":
                return bool((theirs.get("enum_value") or {}).get("gid") == ours)
            case "date":
                return bool((theirs.get("date_value") or {}).get("date") == (ours or {}).get("date"))
            case _:
                return (theirs.get("text_value") or "").strip() == (ours or "")

    def _text(self, value: Any) -> str:
        text = _plain(value)
        if len(text) > LONGEST_TEXT:
            raise Unwritable(f"field {self.name} takes {LONGEST_TEXT} characters at most")
        return text

    def _number(self, value: Any) -> Decimal:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if isinstance(value, bool) or not number.is_finite():
            raise Unwritable(f"field {self.name} wants a number")
        if Decimal(repr(float(number))) != number:  # Asana's numbers are floating
            raise Unwritable(f"field {self.name} cannot keep so many digits: make it a text field")
        if self.precision is not None and number != round(number, self.precision):
            raise Unwritable(
                f"field {self.name} keeps {self.precision} decimals: raise `precision` in the mapping, to 6 at most, "
                "and run `apply`"
            )
        return number


def value_of(row: Body) -> Any:
    """What a task holds in a custom field, for a source record: names and not ids of options, exact numbers."""
    match row.get("resource_subtype"):
        case "text":
            return row.get("text_value") or None
        case "number":
            return row.get("number_value")
        case "enum":
            return (row.get("enum_value") or {}).get("name")
        case "multi_enum":
            return [option.get("name") for option in row.get("multi_enum_values") or []]
        case "date":
            held = row.get("date_value") or {}
            return held.get("date") or held.get("date_time")
        case _:
            return row.get("display_value")


def _option(options: Mapping[str, str], name: str) -> str | None:
    """The gid of an option, by its name in any case."""
    return options.get(name) or {folded(known): gid for known, gid in options.items()}.get(folded(name))


def folded(name: str) -> str:
    """How names of options are compared."""
    return name.strip().casefold()


def by_gid(task: Body) -> dict[str, Body]:
    """The custom fields that a task has."""
    return {str(row["gid"]): row for row in task.get("custom_fields") or []}


def by_name(fields: Iterable[Field]) -> dict[str, Field]:
    return {field.name: field for field in fields}


def _plain(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case _:
            return str(value).replace("\r\n", "\n").strip()
