"""A field that rules decide: ``{choose: [{when: <expression>, value: ...}, ...]}``; the first that holds counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_connector.core.expressions import Expression
from ml_connector.core.mapping_file import ChoiceRule, Scalar


class Choice:
    """Raises ValueError from the constructor when a rule cannot work for any record, saying which and why.

    ``roots`` are the record's own fields that the rules look at.
    """

    __slots__ = ("_rules", "roots", "text")

    def __init__(self, rules: Sequence[ChoiceRule]) -> None:
        self._rules: list[tuple[Expression | None, Scalar]] = []
        for number, rule in enumerate(rules, 1):
            if self._rules and self._rules[-1][0] is None:
                raise ValueError(f"rule {number} is never reached: the one before it has no `when`")
            try:
                self._rules.append((None if rule.when is None else Expression(rule.when), rule.value))
            except ValueError as error:
                raise ValueError(f"rule {number}: {error}") from None
        whens = [when for when, _ in self._rules if when is not None]
        self.text = " / ".join(when.text for when in whens) or "choose"
        self.roots = frozenset(root for when in whens for root in when.roots)

    def __call__(self, body: dict[str, Any]) -> Scalar:
        """The value of the first rule that holds, null if none does. Raises ValueError, without a value in its text."""
        return next((value for when, value in self._rules if when is None or when.holds(body)), None)
