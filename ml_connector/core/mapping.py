"""Mappings, compiled: a source record goes in, the payload of a destination object comes out.

What an expression that yields nothing (null, or blank text) does to a field:

* a field that the destination requires: the record is rejected, or left out where rules were to choose it;
* any other: null is in the payload, so that what was cleared in the ERP is cleared at the destination;
* a field that is ``if_empty``, or a link, or cannot be null at the destination: it is left out, and keeps what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ml_connector.core.choices import Choice
from ml_connector.core.custom_fields import CustomField, converter
from ml_connector.core.errors import Misconfigured, RejectRecord
from ml_connector.core.expressions import Expression
from ml_connector.core.functions import is_blank, text
from ml_connector.core.mapping_check import Problem, check_against_models, may_be_null
from ml_connector.core.mapping_file import FieldRule, MappingOverlay, MappingSpec, Scalar, load_mapping
from ml_connector.core.templates import TextTemplate

__all__ = ["Mapping", "MappingOverlay", "MappingSpec", "compile_mapping", "load_mapping"]

Maker = Expression | TextTemplate | Choice


@dataclass(slots=True, frozen=True)
class _Field:
    """One rule, ready to run. ``convert`` raises ValueError, without a value in its text."""

    name: str
    container: str | None
    key: str
    expression: Maker
    convert: Callable[[Any], Any] | None
    required: bool
    clears: bool


class Mapping:
    """Turns records of one source model into payloads of one target model. Made by ``compile_mapping``."""

    __slots__ = (
        "_fields",
        "_model",
        "_when",
        "backlinks",
        "created",
        "custom_fields",
        "hash",
        "if_empty",
        "links",
        "source",
        "target",
    )

    def __init__(
        self, spec: MappingSpec, fields: list[_Field], when: Expression | None, model: type[BaseModel]
    ) -> None:
        self.source = spec.source
        self.target = spec.target
        self.hash = spec.digest()
        """SHA-256, hex, of the merged mapping: equal for two mappings that make the same of each record."""
        self.links = spec.links
        """Payload field -> entity whose link table holds the destination id of what the field names."""
        self.backlinks = spec.backlinks
        """Payload field -> entity whose link table holds the source id of what the field names."""
        self.if_empty = frozenset(name for name, rule in spec.fields.items() if rule.own == "if_empty")
        """Fields (``organization_fields.region``) to be written only while they are empty at the destination."""
        self.created = spec.created
        self.custom_fields = spec.custom_fields
        """Payload field -> key -> the custom field that the destination must have."""
        self._fields = fields
        self._when = when
        self._model = model

    def wants(self, body: dict[str, Any]) -> bool:
        """False where the mapping's ``when`` says that this record is not to be sent. Raises RejectRecord."""
        if self._when is None:
            return True
        try:
            return self._when.holds(body)
        except ValueError as error:
            raise self._refusal("when", self._when, str(error)) from None

    def unchosen(self, body: dict[str, Any]) -> str | None:
        """A field that the destination requires and for which no rule holds: the record is not to be sent. Raises
        RejectRecord."""
        chosen = (field for field in self._fields if field.required and isinstance(field.expression, Choice))
        return next((field.name for field in chosen if self._evaluated(field, body) is None), None)

    def created_at(self, body: dict[str, Any]) -> datetime | None:
        """When the source has made the record; None if it does not tell."""
        told = body.get(self.created) if self.created else None
        try:
            moment = datetime.fromisoformat(str(told))
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def apply(self, body: dict[str, Any]) -> dict[str, Any]:
        """The payload for one source record: JSON types and Decimal, valid for the target model.

        A field named in ``links`` or ``backlinks`` holds the id to be replaced, as text. Raises RejectRecord, which
        names the field and the expression and never a value.
        """
        payload: dict[str, Any] = {}
        for field in self._fields:
            value = self._value(field, body)
            if value is None and not field.clears:
                continue
            if field.container is None:
                payload[field.key] = value
            else:
                payload.setdefault(field.container, {})[field.key] = value
        try:
            return self._model.model_validate(payload).model_dump(exclude_unset=True)
        except ValidationError as error:
            raise self._invalid(error) from None

    def _evaluated(self, field: _Field, body: dict[str, Any]) -> Any:
        try:
            value = field.expression(body)
            if is_blank(value):
                return None
            return value if field.convert is None else field.convert(value)
        except ValueError as error:
            raise self._refusal(field.name, field.expression, str(error)) from None

    def _value(self, field: _Field, body: dict[str, Any]) -> Any:
        value = self._evaluated(field, body)
        if value is None and field.required:
            raise self._refusal(field.name, field.expression, f"it is empty, and {self.target} requires it")
        return value

    def _invalid(self, error: ValidationError) -> RejectRecord:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        for field in self._fields:
            if place == field.name or place.startswith(f"{field.name}."):
                return self._refusal(field.name, field.expression, f"{self.target} refuses it: {_say(first)}")
        return RejectRecord(f"{self.target} refuses the record as a whole: {_say(first)}", phase=self._phase)

    def _refusal(self, name: str, expression: Maker, problem: str) -> RejectRecord:
        shown = expression.text.splitlines()[0] if expression.text else ""
        quote = "``" if "`" in shown else "`"  # Prefect shows it as Markdown
        return RejectRecord(f"{name}, from {quote}{shown}{quote}: {problem}", phase=self._phase)

    @property
    def _phase(self) -> str:
        return f"map {self.source} to {self.target}"


def compile_mapping(
    spec: MappingSpec,
    source_model: type[BaseModel],
    target_model: type[BaseModel],
    context: Collection[str] = (),
) -> Mapping:
    """Check a mapping against both models and make it ready to run. Its expressions also see the ``context``.

    Raises Misconfigured with one line per problem: the file, the field, the expression, what is wrong and what to do.
    """
    problems: list[Problem] = []
    expressions = _compile(spec, problems)
    problems += check_against_models(spec, expressions, source_model, target_model, context)
    if problems:
        raise Misconfigured("\n".join(f"{spec.file}: {place}: {what}" for place, what in problems))
    fields = [
        _field(spec, name, rule, expressions[f"fields.{name}"], target_model) for name, rule in spec.fields.items()
    ]
    return Mapping(spec, fields, Expression(spec.when) if spec.when is not None else None, target_model)


def _compile(spec: MappingSpec, problems: list[Problem]) -> dict[str, Maker]:
    """The expressions by their place in the mapping; those that do not compile become problems."""
    expressions: dict[str, Maker] = {}
    rules = {f"fields.{name}": rule for name, rule in spec.fields.items()}
    if spec.when is not None:
        rules["when"] = FieldRule(**{"from": spec.when})
    for place, rule in rules.items():
        what = "template" if rule.template is not None else "rules" if rule.choose else "expression"
        try:
            expressions[place] = _maker(rule)
        except ValueError as error:
            problems.append((place, f"`{rule.source or what}`: {error}. Correct the {what}"))
    return expressions


def _maker(rule: FieldRule) -> Maker:
    if rule.choose is not None:
        return Choice(rule.choose)
    return TextTemplate(rule.template) if rule.template is not None else Expression(rule.source or "")


def _field(spec: MappingSpec, name: str, rule: FieldRule, expression: Maker, target_model: type[BaseModel]) -> _Field:
    container, _, key = name.rpartition(".")
    info = target_model.model_fields[container or key]
    linked = name in spec.links or name in spec.backlinks
    return _Field(
        name=name,
        container=container or None,
        key=key,
        expression=expression,
        convert=_convert(spec, rule, linked, spec.custom_fields[container][key] if container else None),
        required=info.is_required() and not container,
        clears=rule.own == "overwrite" and not linked and (bool(container) or may_be_null(info.annotation)),
    )


def _convert(
    spec: MappingSpec, rule: FieldRule, linked: bool, custom: CustomField | None
) -> Callable[[Any], Any] | None:
    if rule.values is not None:
        look_up = _translate(rule.values, spec.values[rule.values])
        if custom is None:
            return look_up
        typed = converter(custom.type)
        return lambda value: None if (found := look_up(value)) is None else typed(found)
    if custom is not None:
        return converter(custom.type)
    return text if linked else None


def _say(error: ErrorDetails) -> str:
    """Why the target's model refuses a value, without the value: a few of pydantic's sentences quote it."""
    kind = error["type"]
    if kind.startswith(("value_error", "string_", "int_", "bool_", "decimal_", "list_", "dict_")):
        return error["msg"].removeprefix("Value error, ")
    return kind.replace("_", " ")


def _translate(name: str, table: dict[str, Scalar]) -> Callable[[Any], Scalar]:
    def look_up(value: Any) -> Scalar:
        code = text(value)
        if code in table:
            return table[code]
        if "default" in table:
            return table["default"]
        raise ValueError(f"its code is not in the value table {name}: add the code, or a default, to the table")

    return look_up
