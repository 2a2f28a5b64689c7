"""A message as a person would roughly see it, for the terminal."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterator

from connectors.slack.blocks import Rendered
from ml_connector.core.records import Body

_WIDTH = 80
_LABEL = 24
_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")


def shown(message: Rendered) -> str:
    """The blocks as text: what is cut here is cut in Slack."""
    return "\n".join(line for block in message.blocks for line in _lines(block))


def _lines(block: Body) -> Iterator[str]:
    match block["type"]:
        case "header":
            title = _text(block["text"])
            yield title
            yield "=" * min(len(title), _WIDTH)
        case "section" if "fields" in block:
            fields = [_text(field) for field in block["fields"]]
            for label, value in zip(fields[::2], fields[1::2], strict=True):
                yield from textwrap.wrap(f"{label.strip('*'):<{_LABEL}}{value}", _WIDTH, subsequent_indent=" " * _LABEL)
        case "section":
            text = _text(block["text"])
            if text.startswith("```"):
                yield ""
                yield from text.strip("`").splitlines()
            else:
                yield from textwrap.wrap(text, _WIDTH)
        case "context":
            yield from (f"  {_text(element)}" for element in block["elements"])


def _text(text: Body) -> str:
    """Without Slack's escapes, and the link with its address behind it."""
    return html.unescape(_LINK.sub(r"\2 (\1)", text["text"]))
