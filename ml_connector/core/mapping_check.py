"""What must hold between a mapping and the models of its two systems before the first record is mapped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from ml_connector.core.choices import Choice
from ml_connector.core.expressions import Expression
from ml_connector.core.mapping_file import FieldRule, MappingSpec
from ml_connector.core.templates import TextTemplate

Problem = tuple[str, str]
"""Place in the mapping, and what is wrong there and what to do."""


def check_against_models(
    spec: MappingSpec,
    expressions: dict[str, Expression | TextTemplate | Choice],
    source: type[BaseModel],
    target: type[BaseModel],
    context: Collection[str],
) -> list[Problem]:
    """All that does not fit, in the order of the file. ``context``: what expressions see beside the source's fields."""
    return [
        *_source_problems(spec, expressions, source, context),
        *(problem for name, rule in spec.fields.items() for problem in _field_problems(spec, name, rule, target)),
        *_missing(spec, target),
        *_declaration_problems(spec, target),
    ]


def is_dict(annotation: Any) -> bool:
    """Whether a model's field may hold named entries of any name."""
    return get_origin(annotation) in (dict, Mapping) or any(is_dict(part) for part in get_args(annotation))


def may_be_null(annotation: Any) -> bool:
    """Whether a model's field accepts null."""
    return annotation is Any or NoneType in get_args(annotation)


def field_names(source: type[BaseModel]) -> set[str]:
    """The fields of a source's records, as expressions name them."""
    return {info.alias or name for name, info in source.model_fields.items()}


def _source_problems(
    spec: MappingSpec,
    expressions: dict[str, Expression | TextTemplate | Choice],
    source: type[BaseModel],
    context: Collection[str],
) -> Iterator[Problem]:
    known = {*field_names(source), *context}
    if spec.created is not None and spec.created not in known:
        yield "created", f"{spec.source} has no field {spec.created}. {_instead(spec.created, known)}"
    for place, expression in expressions.items():
        for root in sorted(expression.roots - known):
            shown = expression.text.splitlines()[0]
            yield place, f"`{shown}`: {spec.source} has no field {root}. {_instead(root, known)}"


def _field_problems(spec: MappingSpec, name: str, rule: FieldRule, target: type[BaseModel]) -> Iterator[Problem]:
    place, (container, _, key) = f"fields.{name}", name.rpartition(".")
    top = container or key
    info = target.model_fields.get(top)
    if info is None:
        yield place, f"{spec.target} has no field {top}. {_instead(top, target.model_fields)}"
    elif container and not is_dict(info.annotation):
        yield place, f"{container} of {spec.target} holds no fields of its own. Map to {container} itself"
    elif container and key not in spec.custom_fields.get(container, {}):
        yield place, f"the custom field is not declared. Add {key} with its title and type to custom_fields.{container}"
    if info is not None and not container:
        yield from ((place, problem) for problem in _choice_problems(spec, rule, info))
    if rule.values is not None and rule.values not in spec.values:
        yield place, f"there is no value table {rule.values}. {_instead(rule.values, spec.values)}"


def _choice_problems(spec: MappingSpec, rule: FieldRule, info: FieldInfo) -> Iterator[str]:
    taken = TypeAdapter[Any](Annotated[info.annotation, info])  # type: ignore[arg-type] # known at run time only
    for number, one in enumerate(rule.choose or (), 1):
        try:
            if one.value is not None:
                taken.validate_python(one.value)
        except ValidationError:
            yield f"the value of rule {number} is none that {spec.target} takes. Correct it"


def _missing(spec: MappingSpec, target: type[BaseModel]) -> Iterator[Problem]:
    mapped = {name.partition(".")[0] for name in spec.fields}
    for name, info in target.model_fields.items():
        if info.is_required() and name not in mapped:
            yield "fields", f"{spec.target} requires {name}. Add an expression for it"


def _declaration_problems(spec: MappingSpec, target: type[BaseModel]) -> Iterator[Problem]:
    for name in (*spec.links, *spec.backlinks):
        if name not in spec.fields or name not in target.model_fields:
            table = "links" if name in spec.links else "backlinks"
            yield f"{table}.{name}", "no expression is mapped to this field. Add it to fields, or take the link out"
    for container, fields in spec.custom_fields.items():
        for key in fields:
            if f"{container}.{key}" not in spec.fields:
                yield (
                    f"custom_fields.{container}.{key}",
                    "no expression is mapped to it. Add one to fields, or take it out",
                )


def _instead(wrong: str, known: Iterable[str]) -> str:
    close = get_close_matches(wrong, list(known), n=1)
    return f"Did you mean {close[0]}?" if close else "Correct the name"
