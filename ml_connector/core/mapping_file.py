"""Mappings: data that says which field of a source record becomes which field of a destination object.

A mapping is a YAML file, ``mappings/<integration>/<stream>.yaml`` (how to write one: ``mappings/README.md``). A
tenant's overlay changes single entries of it. mapping.py compiles the result.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from ml_connector.core import jsonx
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.yamlx import check, read_yaml

Scalar = str | int | bool | None
ValueTable = dict[str, Scalar]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ChoiceRule(_Data):
    """One rule of a field that is chosen."""

    when: str | None = None
    """None: it holds for every record."""
    value: Scalar


class FieldRule(_Data):
    """Where one field of the payload comes from: an expression, which in YAML may stand alone, a template, or rules."""

    source: str | None = Field(None, alias="from")
    template: str | None = None
    """Text for people, with the record's fields in it (templates.py)."""
    choose: tuple[ChoiceRule, ...] | None = Field(None, min_length=1)
    """The value of the first rule that holds. Where none does for a field that the destination requires, the record is
    not sent: it is ``unchanged``, with that reason."""
    own: Literal["overwrite", "if_empty"] = "overwrite"
    """``if_empty``: written only while the destination's field is empty; what people wrote there stays."""
    values: str | None = None
    """Name of the value table that translates the source's codes."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"from": data}
        if not isinstance(data, (dict, FieldRule)):
            raise ValueError(
                "write an expression, or {from: expression, own: ..., values: ...}, or {template: text}, or "
                "{choose: [{when: expression, value: ...}, ...]}"
            )
        return data

    @model_validator(mode="after")
    def _one_origin(self) -> FieldRule:
        if [self.source, self.template, self.choose].count(None) != 2:
            raise ValueError("give it one of from (an expression), template (a text) and choose (rules)")
        return self


class _Parts(_Data):
    when: str | None = None
    """A record for which this is false is not sent: it is ``unchanged``, with the reason ``when``."""
    values: dict[str, ValueTable] = {}
    """Value tables: name -> source code -> value. The code ``default`` stands for every code not listed."""
    links: dict[str, str] = {}
    """Payload field -> entity: the mapping yields the source's id there, the core replaces it by the linked one."""
    backlinks: dict[str, str] = {}
    """The other way round: the mapping yields the destination's id of the entity, the core puts the source's id."""
    custom_fields: dict[str, dict[str, CustomField]] = {}
    """Payload field that holds custom fields -> key -> the field."""


class MappingOverlay(_Parts):
    """A tenant's changes to a shipped mapping: each entry replaces or adds one; a field set to null is taken out."""

    fields: dict[str, FieldRule | None] = {}


class MappingSpec(_Parts):
    """The content of a mapping file, with the overlay laid over it."""

    version: Literal[1]
    source: str
    """Model of the source record: ``oracle_fusion.HubOrganization`` is in ``connectors/oracle_fusion/models.py``."""
    target: str
    """Model of the payload, named in the same way."""
    created: str | None = None
    """Where messages are routed: the field with the moment at which the source has made the record. A record that is
    older than its stream's beginning is not new when it is first seen."""
    fields: dict[str, FieldRule] = Field(min_length=1)

    _file: str = PrivateAttr("a mapping")

    @property
    def file(self) -> str:
        """Where it was read, for messages."""
        return self._file

    def digest(self) -> str:
        """SHA-256, hex, of all that decides what a record becomes."""
        return jsonx.digest(self.model_dump(by_alias=True)).hex()


def load_mapping(file: Path, overlay: MappingOverlay | None = None) -> MappingSpec:
    """Read a mapping file and lay a tenant's overlay over it.

    Raises Misconfigured, with the file, the place in it, what is wrong and what to do.
    """
    spec = check(MappingSpec, read_yaml(file), lambda _: file)
    spec._file = str(file)
    if overlay and overlay != MappingOverlay():
        spec = _lay_over(spec, overlay)
        spec._file = f"{file} (with the tenant's overlay)"
    return spec


def _lay_over(spec: MappingSpec, overlay: MappingOverlay) -> MappingSpec:
    removed = {name for name, rule in overlay.fields.items() if rule is None}
    fields: dict[str, FieldRule | None] = {**spec.fields, **overlay.fields}
    links, backlinks = spec.links | overlay.links, spec.backlinks | overlay.backlinks
    custom_fields = _merge(spec.custom_fields, overlay.custom_fields)
    update: dict[str, Any] = {
        "fields": {name: rule for name, rule in fields.items() if rule is not None},
        "links": {name: entity for name, entity in links.items() if name not in removed},
        "backlinks": {name: entity for name, entity in backlinks.items() if name not in removed},
        "values": _merge(spec.values, overlay.values),
        "custom_fields": {
            container: {key: field for key, field in declared.items() if f"{container}.{key}" not in removed}
            for container, declared in custom_fields.items()
        },
    }
    if overlay.when is not None:
        update["when"] = overlay.when
    return spec.model_copy(update=update)


def _merge(base: dict[str, dict[str, Any]], over: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: base.get(name, {}) | over.get(name, {}) for name in base.keys() | over.keys()}
