"""How a message looks: Block Kit, cut to what Slack takes, and the text that stands for it in notifications.

One layout for every kind of record: title, totals, facts, table, link, footer. Values stand in ``plain_text`` objects,
which have no markup; where there must be markup, it is ours. The link is text and not a button: a click on a button
makes Slack call the app, and warn the reader if nobody answers.
https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.slack.models import Fact, Message, Scalar
from connectors.slack.text import cut, escape, length, money, one_line, plain, written
from ml_connector.core import jsonx
from ml_connector.core.records import Body

LONGEST_TEXT = 3_900
"""Slack splits a longer one into several messages, and says 4,000."""
LONGEST_BLOCKS = 9_000
"""Characters of text in all blocks together. Not documented; 9,597 were taken and 11,341 refused.
https://github.com/slackapi/bolt-js/issues/2867"""
LARGEST_BLOCKS = 15_000
"""Bytes of their JSON, from the same measurement."""
_TITLE, _SECTION, _LINK, _CELL = 150, 2_900, 2_000, 40
_TOTAL = 60
"""An amount with all its digits and its currency is shorter: none is cut."""
_MOST_FACTS, _MOST_TOTALS, _MOST_COLUMNS = 20, 25, 8
_FIELDS = 10
"""Of one section."""
_MARKS = {"new": "", "changed": "\u270e ", "exception": "\u26a0 "}
_URL = re.compile(r"https?://[^\s<>|\"]+")
_NUMBER = re.compile(r"-|-?[\d.,]*\d%?")


@dataclass(slots=True, frozen=True)
class _Room:
    """How much of what is long is shown, in characters."""

    label: int
    value: int
    summary: int
    lines: int
    facts: int = _MOST_FACTS
    """How many."""


_ROOMS = (_Room(80, 600, 2_900, 2_900), _Room(60, 200, 900, 2_000), _Room(60, 100, 300, 900), _Room(20, 30, 90, 0, 8))
"""Tried in this order. The last one fits whatever is in it."""


@dataclass(slots=True, frozen=True)
class Rendered:
    """A message as Slack is sent it. ``text`` says all that matters, for notifications and screen readers."""

    text: str = field(repr=False)
    blocks: list[Body] = field(repr=False)


def render(message: Message) -> Rendered:
    """Lay a message out. What is too long is cut; title and totals stay."""
    blocks: list[Body] = []
    for room in _ROOMS:
        blocks = _layout(message, room)
        if fits(blocks):
            break
    return Rendered(_text(message), blocks)


def fits(blocks: Sequence[Body]) -> bool:
    """Whether Slack takes these blocks together."""
    return sum(map(length, texts(blocks))) <= LONGEST_BLOCKS and len(jsonx.dumps(blocks)) <= LARGEST_BLOCKS


def texts(node: Any) -> list[str]:
    """All texts in blocks, in order."""
    if isinstance(node, list):
        return [text for one in node for text in texts(one)]
    if not isinstance(node, dict):
        return []
    own = [node["text"]] if isinstance(node.get("text"), str) else []
    return own + [text for value in node.values() for text in texts(value)]


def _layout(message: Message, room: _Room) -> list[Body]:
    title = plain(_MARKS[message.event] + one_line(message.title, _TITLE), _TITLE)
    blocks: list[Body] = [{"type": "header", "text": _plain(title)}]
    if message.summary:
        blocks.append({"type": "section", "text": _plain(plain(message.summary, room.summary))})
    blocks += _facts(_totals(message), room.label, _TOTAL) + _facts(message.facts[: room.facts], room.label, room.value)
    blocks += _table(message.columns, message.lines, room.lines)
    if link := _link(message):
        blocks.append({"type": "section", "text": _markup(link)})
    if message.footer:
        blocks.append({"type": "context", "elements": [_plain(plain(message.footer, 200))]})
    return blocks


def _totals(message: Message) -> Sequence[Fact]:
    """All of them, or as many as there is always room for and how many there are beside."""
    rest = len(message.totals) - _MOST_TOTALS
    more = [Fact(label="Beside", value=f"{rest} more, see the record")] if rest > 0 else []
    return [*message.totals[:_MOST_TOTALS], *more]


def _facts(facts: Sequence[Fact], label: int, value: int) -> list[Body]:
    """Two columns, label and value, of at most so many characters: so a value needs no markup."""
    fields = []
    for fact in facts:
        bold = plain(fact.label, label).replace("*", "\u2217")
        fields += [_markup(f"*{bold}*"), _plain(plain(value_of(fact), value))]
    return [{"type": "section", "fields": fields[n : n + _FIELDS]} for n in range(0, len(fields), _FIELDS)]


def value_of(fact: Fact) -> str:
    return money(fact.value, fact.currency) if fact.currency else written(fact.value)


def _table(columns: Sequence[str], lines: Sequence[Sequence[Scalar]], room: int) -> list[Body]:
    """As many rows as there is room for, in type of one width, and below them what is missing."""
    if not lines:
        return []
    shown: list[str] = []
    for row in _aligned(columns, lines, room):
        if length("\n".join([*shown, row])) > room:
            break
        shown.append(row)
    count = max(0, len(shown) - bool(columns))
    blocks: list[Body] = []
    if count:
        blocks.append({"type": "section", "text": _markup("```" + "\n".join(shown) + "```")})
    if count < len(lines):
        note = f"{count} of {len(lines)} lines shown" if count else f"{len(lines)} lines, see the record"
        blocks.append({"type": "context", "elements": [_plain(note)]})
    return blocks


def _aligned(columns: Sequence[str], lines: Sequence[Sequence[Scalar]], room: int) -> list[str]:
    """The headings and the rows as escaped text, columns of numbers to the right."""
    most = room // 2  # rows of one character and its end of line: no more can be shown
    rows = [[_cell(value) for value in row[:_MOST_COLUMNS]] for row in lines[: most + 1]]
    heads = [[_cell(column) for column in columns[:_MOST_COLUMNS]]] if columns else []
    forms = []
    for n in range(max(map(len, heads + rows))):
        right = all(_NUMBER.fullmatch(row[n]) for row in rows if n < len(row))
        forms.append((max(_columns(row[n]) for row in heads + rows if n < len(row)), right))
    return [escape("  ".join(map(_padded, row, forms)).rstrip()) for row in heads + rows]


def _cell(value: Scalar) -> str:
    # A fence of backticks would end at one of the ERP's.
    return _short(value, _CELL).replace("`", "'")


def _padded(cell: str, form: tuple[int, bool]) -> str:
    width, right = form
    space = " " * (width - _columns(cell))
    return space + cell if right else cell + space


def _columns(text: str) -> int:
    """How wide a text is in type of one width."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _link(message: Message) -> str | None:
    """Left out if it is no address, or too long: Slack would refuse the whole message."""
    url = (message.link or "").strip()
    if len(url) > _LINK or not _URL.fullmatch(url) or not url.isascii() or not url.isprintable():
        return None
    label = plain(message.link_text, 75).replace("|", "\u2223")
    return f"<{url.replace('&', '&amp;')}|{label}>"


def _text(message: Message) -> str:
    """Title and totals first: what is cut is cut at the end."""
    facts = [*_totals(message), *message.facts[:_MOST_FACTS]]
    parts = [_MARKS[message.event] + _short(message.title, _TITLE)]
    parts += [f"{_short(fact.label, 80)}: {_short(value_of(fact), 100)}" for fact in facts]
    parts += [_short(text, 600) for text in (message.summary, message.footer) if text]
    if message.lines:
        parts.append(f"{len(message.lines)} lines")
    return escape(cut("\n".join(parts), LONGEST_TEXT))


def _short(value: Scalar, limit: int) -> str:
    return cut(one_line(value, limit), limit)


def _plain(escaped: str) -> Body:
    return {"type": "plain_text", "text": escaped, "emoji": False}


def _markup(text: str) -> Body:
    """``verbatim``: without it Slack makes links and mentions of what looks like some."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
