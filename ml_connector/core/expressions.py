"""One JMESPath expression of a mapping: compiled and checked once, evaluated for each record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import Options, TreeInterpreter

from ml_connector.core.functions import Functions

Node = Any  # nested dicts of type, children and value

# one for all: a fresh interpreter per search costs four times the evaluation itself
_visit = TreeInterpreter(Options(custom_functions=Functions())).visit

# what stands right of these is looked up in what stands left of it, not in the record
_LEFT_ONLY = frozenset(
    {"subexpression", "pipe", "projection", "value_projection", "filter_projection", "flatten", "index_expression"}
)


class Expression:
    """Raises ValueError from the constructor when it cannot work for any record, saying why.

    ``roots`` are the record's own fields that it reads.
    """

    __slots__ = ("_field", "_node", "roots", "text")

    def __init__(self, text: str) -> None:
        try:
            node: Node = jmespath.compile(text).parsed
        except JMESPathError as error:
            raise ValueError(str(error).splitlines()[0].rstrip(":")) from None
        for part in _walk(node):
            _refuse(part)
        self.text = text
        self.roots = frozenset(_roots(node))
        self._node = node
        self._field: str | None = node["value"] if node["type"] == "field" else None  # most are no more than that

    def __call__(self, body: dict[str, Any]) -> Any:
        """The value for this record. Raises ValueError, without a value of the record in its text."""
        if self._field is not None:
            return body.get(self._field)
        try:
            return _visit(self._node, body)
        except (ValueError, TypeError, LookupError, ArithmeticError):
            # the original's text repeats the value it could not take
            raise ValueError("the expression cannot be evaluated for what this record holds") from None

    def holds(self, body: dict[str, Any]) -> bool:
        """Whether the value counts as true: everything but null, false and empty text, lists and objects."""
        value = self(body)
        return value not in (None, "", [], {}) and value is not False


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node["children"]:
        if isinstance(child, dict):  # a slice's children are numbers
            yield from _walk(child)


def _refuse(node: Node) -> None:
    if node["type"] == "function_expression":
        _refuse_call(node["value"], len(node["children"]))
    elif node["type"] == "comparator" and node["value"] not in ("eq", "ne"):
        raise ValueError("it compares with < or >: amounts arrive as text, whose order is not that of numbers")
    elif node["type"] == "literal" and isinstance(node["value"], float):
        raise ValueError("it holds a number with a fraction, which is not exact: write it in single quotes, as text")


def _refuse_call(name: str, given: int) -> None:
    known = Functions.FUNCTION_TABLE.get(name)
    if known is None:
        raise ValueError(f"there is no function {name}(): there are {', '.join(sorted(Functions.FUNCTION_TABLE))}")
    wanted = known["signature"]
    if given < len(wanted) or (given > len(wanted) and not wanted[-1].get("variadic")):
        raise ValueError(f"{name}() takes {len(wanted)} values, it is given {given}")


def _roots(node: Node) -> Iterator[str]:
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield node["value"]
    elif kind in _LEFT_ONLY:
        yield from _roots(children[0])
    elif kind != "expref" and kind != "slice":
        for child in children:
            yield from _roots(child)
