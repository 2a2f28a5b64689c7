"""A mapping's template: text for people, such as a note or a message, made from a record.

Jinja in its sandbox (https://jinja.palletsprojects.com/en/stable/sandbox/): it reads the record and cannot change or
call anything. Escaping is the business of the system that the text is for.
"""

from __future__ import annotations

from typing import Any

from jinja2 import ChainableUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

_environment = ImmutableSandboxedEnvironment(
    undefined=ChainableUndefined,
    finalize=lambda value: "" if value is None else value,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals.clear()  # no range(), no lipsum(): nothing that is not in the record


class TextTemplate:
    """Raises ValueError from the constructor when it is no template, saying why.

    ``roots`` are the record's own fields that it reads.
    """

    __slots__ = ("_template", "roots", "text")

    def __init__(self, text: str) -> None:
        try:
            self.roots = frozenset(meta.find_undeclared_variables(_environment.parse(text)))
            self._template: Template = _environment.from_string(text)
        except TemplateError as error:
            raise ValueError(str(error).splitlines()[0]) from None
        self.text = text

    def __call__(self, body: dict[str, Any]) -> str:
        """The text for this record, without space around it. Raises ValueError, without a value in its text."""
        try:
            return self._template.render(body).strip()
        except Exception as error:  # noqa: BLE001 - a template may raise whatever a record's values raise
            raise ValueError(f"the template fails with {type(error).__name__} on what this record holds") from None
