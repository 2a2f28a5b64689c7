"""The `q` parameter: two languages, chosen by the framework version.

Version 1 is query by example, ``A=1;B>=2 and <=3``; version 2 and later are row match expressions, ``A = 1 and B > 2``.
https://docs.oracle.com/en/cloud/saas/sales/faaps/Set_the_REST_Framework_Version.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.oracle_fusion.sandbox.resources import Attribute, Resource, Row, Type

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
OPERATOR = r"!=|<>|<=|>=|=|<|>"


class BadQuery(Exception):
    """Fusion answers 400 to this; the message is the error's detail."""


class Condition(Protocol):
    def matches(self, row: Row) -> bool: ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """Nulls compare as false, as in SQL."""

    attribute: Attribute
    operator: str
    value: Any

    def matches(self, row: Row) -> bool:
        held = row[self.attribute.name]
        return held is not None and OPERATORS[self.operator](self.attribute.comparable(held), self.value)


@dataclass(frozen=True, slots=True)
class IsNull:
    attribute: Attribute
    expected: bool

    def matches(self, row: Row) -> bool:
        return (row[self.attribute.name] is None) is self.expected


@dataclass(frozen=True, slots=True)
class Like:
    attribute: Attribute
    pattern: re.Pattern[str]
    expected: bool

    def matches(self, row: Row) -> bool:
        held = row[self.attribute.name]
        return held is not None and bool(self.pattern.fullmatch(str(held))) is self.expected


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Condition, ...]

    def matches(self, row: Row) -> bool:
        return all(part.matches(row) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Condition, ...]

    def matches(self, row: Row) -> bool:
        return any(part.matches(row) for part in self.parts)


NOTHING = Or(())
EVERYTHING = And(())


def parse(text: str, resource: Resource, framework_version: int) -> Condition:
    """The condition that `q` states; ``BadQuery`` where Fusion would refuse it."""
    if framework_version == 1:
        terms = [term for term in re.split(r";(?=(?:[^']*'[^']*')*[^']*$)", text) if term.strip()]
        return And(tuple(_example(term.strip(), resource) for term in terms))
    return _RowMatch(text, resource).parse()


def compare(resource: Resource, name: str, operator_: str, text: str) -> Comparison:
    """One comparison with a literal; ``BadQuery`` if the attribute or the literal does not allow it."""
    attribute = _queryable(resource, name)
    try:
        return Comparison(attribute, operator_, attribute.literal(text))
    except (ValueError, KeyError, ArithmeticError):
        raise BadQuery(f"The value of the attribute {name} is not a valid {attribute.type}.") from None


def _queryable(resource: Resource, name: str) -> Attribute:
    attribute = resource.attributes.get(name)
    if attribute is None or not attribute.queryable:
        raise BadQuery(f"The attribute {name} of the resource {resource.name} is not queryable.")
    return attribute


def _like(attribute: Attribute, pattern: str, *, expected: bool) -> Like:
    if attribute.type is not Type.STRING:
        raise BadQuery(f"The attribute {attribute.name} is not a string.")
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern)
    return Like(attribute, re.compile("".join(parts), re.DOTALL), expected)


# ---- version 1


def _example(term: str, resource: Resource) -> Condition:
    if found := re.fullmatch(r"(\w+)\s+is\s+(not\s+)?null", term, re.IGNORECASE):
        return IsNull(_queryable(resource, found[1]), expected=not found[2])
    if found := re.fullmatch(r"(\w+)\s+(not\s+)?like\s+'?([^']*)'?", term, re.IGNORECASE):
        return _like(_queryable(resource, found[1]), found[3], expected=not found[2])
    if found := re.fullmatch(rf"(\w+)\s*({OPERATOR})\s*(.+?)\s+and\s*({OPERATOR})\s*(\S+)", term, re.IGNORECASE):
        bounds = ((found[2], found[3]), (found[4], found[5]))
        return And(tuple(compare(resource, found[1], sign, literal.strip("'")) for sign, literal in bounds))
    found = re.fullmatch(rf"(\w+)\s*({OPERATOR})\s*(.+)", term)
    if not found:
        raise BadQuery("URL request parameter q cannot be used in this context.")
    if re.search(r"\sand\s", found[3]) and not found[3].startswith("'"):
        # Measured on a pod: "A=Y and B=41" is no error in version 1, it answers 200 with no rows.
        _queryable(resource, found[1])
        return NOTHING
    return compare(resource, found[1], found[2], found[3].strip("'"))


# ---- version 2 and later

TOKEN = re.compile(
    rf"\s*(?:(?P<text>'[^']*')|(?P<sign>{OPERATOR}|[()])|(?P<word>[A-Za-z_]\w*)|(?P<number>-?\d+(\.\d+)?))"
)


class _RowMatch:
    """Recursive descent: ``or`` of ``and`` of comparisons and parentheses."""

    def __init__(self, text: str, resource: Resource) -> None:
        self.resource = resource
        self.tokens = self._tokens(text)

    def parse(self) -> Condition:
        condition = self._or()
        if self.tokens:
            raise self._unexpected()
        return condition

    def _tokens(self, text: str) -> list[str]:
        # No document says how a quote inside a literal is written: two literals side by side are a syntax error here.
        # So are the unquoted date-times of version 1.
        tokens = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if not found:
                raise BadQuery("URL request parameter q cannot be used in this context.")
            tokens.append(found[0].strip())
            at = found.end()
        return tokens

    def _or(self) -> Condition:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Condition:
        parts = [self._primary()]
        while self._take("and"):
            parts.append(self._primary())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _primary(self) -> Condition:
        if self._take("("):
            condition = self._or()
            self._expect(")")
            return condition
        name = self._next()
        if self._take("is"):
            expected = not self._take("not")
            self._expect("null")
            return IsNull(_queryable(self.resource, name), expected)
        expected = not self._take("not")
        if self._take("like"):
            return _like(_queryable(self.resource, name), self._literal(quoted=True), expected=expected)
        if expected and self._take("between"):
            low = compare(self.resource, name, ">=", self._literal())
            self._expect("and")
            return And((low, compare(self.resource, name, "<=", self._literal())))
        if not expected or not self.tokens or self.tokens[0] not in OPERATORS:
            # `in (...)` is found in no document: chains of `or` do it.
            raise self._unexpected()
        return compare(self.resource, name, self._next(), self._literal())

    def _literal(self, *, quoted: bool = False) -> str:
        token = self._next()
        if token.startswith("'"):
            return token[1:-1]
        if quoted or not (token[0] in "-0123456789" or token in ("true", "false")):
            raise BadQuery("URL request parameter q cannot be used in this context.")
        return token

    def _next(self) -> str:
        if not self.tokens:
            raise self._unexpected()
        return self.tokens.pop(0)

    def _take(self, word: str) -> bool:
        if self.tokens and self.tokens[0].lower() == word:
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._unexpected()

    def _unexpected(self) -> BadQuery:
        where = f"near {self.tokens[0]}" if self.tokens else "at its end"
        return BadQuery(f"URL request parameter q cannot be used in this context: syntax error {where}.")
