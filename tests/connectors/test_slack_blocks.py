"""Messages are laid out so that Slack takes them and nothing from the ERP can act in them, whatever it holds."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from connectors.slack.blocks import LARGEST_BLOCKS, LONGEST_BLOCKS, LONGEST_TEXT, render, texts
from connectors.slack.models import Fact, Message
from connectors.slack.preview import shown
from connectors.slack.sandbox.check import pings, require_blocks
from connectors.slack.text import cut, escape, length, plain
from ml_connector.core import jsonx

HOSTILE = (
    "<!channel>",
    "<!here|@here>",
    "<@U012AB3CD>",
    "<#C012AB3CD|general>",
    "<https://evil.example|Pay here>",
    "@channel",
    "&lt;!channel&gt;",
    "*bold* _it_ ~no~ `code` ``` :smile: > quote",
    "```\n<!everyone>\n```",
    "\u202e\u2066gnp.exe\u2069",
    "\x00\x07\x1b[31m\r\n\t",
    "\u200b\ufeff\u2060",
    "\ud800 half a pair",
    "A&B <Ltd>" * 400,
    "Ж" * 50_000,
    "👩‍👩‍👧‍👦" * 5_000,
    "الفاتورة رقم ١٢٣",
    "e\u0301\u0323" * 3_000,
    "&" * 50_000,
    " " * 50_000 + "x",
)
# By their numbers, so that a failure does not print them all.
picked = st.integers(0, len(HOSTILE) - 1).map(HOSTILE.__getitem__)
hostile = st.one_of(picked, st.text(max_size=60), st.tuples(picked, picked).map(" ".join))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False), hostile
)
facts = st.builds(Fact, label=hostile, value=scalars, currency=st.one_of(st.none(), st.just("USD"), hostile))
messages = st.builds(
    Message,
    event=st.sampled_from(("new", "changed", "exception")),
    title=hostile.filter(bool),
    summary=st.one_of(st.none(), hostile),
    totals=st.lists(facts, max_size=30),
    facts=st.lists(facts, max_size=40),
    columns=st.lists(hostile, max_size=10),
    lines=st.one_of(
        st.lists(st.lists(scalars, max_size=10), max_size=8), st.just([["1", "Ж" * 60, Decimal("1.50")]] * 900)
    ),
    link=st.one_of(st.none(), hostile, st.just("https://erp.example/invoice?id=1&view=full")),
    link_text=hostile,
    footer=st.one_of(st.none(), hostile),
)
OURS = re.compile(r"\*[^*]*\*|```[^`]*```|<https?://[^\s<>|]+\|[^<>|]*>", re.DOTALL)


# Without shrinking, which takes minutes with such texts.
@settings(max_examples=150, deadline=None, phases=(Phase.reuse, Phase.generate))
@given(messages)
def test_slack_takes_every_message_and_nothing_in_it_acts(message: Message) -> None:
    made = render(message)

    require_blocks(made.blocks)  # the emulator's own check, made from Slack's documents
    for block in Block.parse_all(made.blocks):
        block.validate_json()
    assert sum(map(length, texts(made.blocks))) <= LONGEST_BLOCKS
    assert len(jsonx.dumps(made.blocks)) <= LARGEST_BLOCKS
    assert 0 < length(made.text) <= LONGEST_TEXT
    assert pings({"text": made.text, "blocks": made.blocks}) == []
    assert not re.search(r"[<>]", made.text), "everything of the plain text is escaped"
    for text in objects(made.blocks):
        if text["type"] == "plain_text":
            assert text["emoji"] is False
            assert not re.search(r"[<>]", text["text"])
        else:
            assert text["verbatim"] is True
            assert OURS.fullmatch(text["text"]), "all markup is ours"
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text["text"])


@settings(max_examples=50, deadline=None, phases=(Phase.reuse, Phase.generate))
@given(messages)
def test_totals_are_never_lost(message: Message) -> None:
    message.totals = [Fact(label="Total", value=Decimal("12450.00"), currency="USD"), Fact(label="Tax", value="n/a")]

    made = render(message)

    assert "12,450.00 USD" in texts(made.blocks)
    assert "Total: 12,450.00 USD\nTax: n/a" in made.text


@pytest.mark.parametrize("char", ["a", "&", "字", "😀", '"'])
def test_a_message_that_is_too_long_everywhere_is_cut_everywhere(char: str) -> None:
    long = char * 5_000
    fact = Fact(label=long, value=long)

    made = render(
        Message(
            title=long, summary=long, totals=[fact] * 40, facts=[fact] * 50, columns=[long], lines=[[long]] * 500,
            footer=long, link="https://erp.example/" + "a" * 1_900, link_text=long,
        )
    )  # fmt: skip

    require_blocks(made.blocks)
    assert sum(map(length, texts(made.blocks))) <= LONGEST_BLOCKS
    assert len(jsonx.dumps(made.blocks)) <= LARGEST_BLOCKS
    assert length(made.text) <= LONGEST_TEXT


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_a_cut_text_is_as_long_as_allowed_and_begins_as_the_whole(text: str, limit: int) -> None:
    short = cut(text, limit)

    assert length(escape(short)) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        ("", "-"),
        (" \n ", "-"),
        ("\u200b", "-"),
        ("\u3164", "-"),
        (True, "yes"),
        (2026, "2026"),
        (Decimal("-1234567.10"), "-1,234,567.10"),
        ("A&B <Ltd>", "A&amp;B &lt;Ltd&gt;"),
        ("two\r\n lines\t", "two lines"),
        ("a\u202eb", "ab"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
    ],
)
def test_a_value_as_slack_is_given_it(value: Any, shown: str) -> None:
    assert plain(value, 100) == shown


def test_an_amount_keeps_all_its_digits() -> None:
    made = render(Message(title="Invoice", totals=[Fact(label="Total", value="100000000000000000.10", currency="USD")]))

    assert "100,000,000,000,000,000.10 USD" in texts(made.blocks)


def test_lines_are_a_table_and_those_left_out_are_counted() -> None:
    lines: list[list[Any]] = [[n, f"Item `{n}`", Decimal("9.50") * n] for n in range(1, 201)]

    made = render(Message(title="Order", columns=["Line", "Item", "Amount"], lines=lines))

    (table,) = [text for text in texts(made.blocks) if text.startswith("```")]
    rows = table.strip("`").splitlines()
    assert rows[:3] == ["Line  Item          Amount", "   1  Item '1'        9.50", "   2  Item '2'       19.00"]
    assert texts(made.blocks)[-1] == f"{len(rows) - 1} of 200 lines shown"
    assert made.text == "Order\n200 lines"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://a b", "https://a|b", "https://a>b", "ftp://a", "https://" + "a" * 3000]
)
def test_a_link_that_slack_would_refuse_is_left_out(link: str) -> None:
    assert len(render(Message(title="Invoice", link=link)).blocks) == 1


def objects(node: Any) -> list[dict[str, Any]]:
    """The text objects in blocks."""
    if isinstance(node, list):
        return [found for one in node for found in objects(one)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") in ("plain_text", "mrkdwn") else []
    return own + [found for value in node.values() for found in objects(value)]


def test_a_preview_shows_what_slack_would() -> None:
    message = Message(
        event="exception",
        title="Hold on invoice INV-1",
        totals=[Fact(label="Amount", value="12450.00", currency="USD")],
        facts=[Fact(label="Supplier", value="A&B <Ltd>")],
        columns=["Line", "Item"],
        lines=[[1, "Bolt"]],
        link="https://erp.example/?a=1&b=2",
        footer="Oracle Fusion",
    )

    assert shown(render(message)).splitlines() == [
        "⚠ Hold on invoice INV-1",
        "=======================",
        "Amount                  12,450.00 USD",
        "Supplier                A&B <Ltd>",
        "",
        "Line  Item",
        "   1  Bolt",
        "Open the record (https://erp.example/?a=1&b=2)",
        "  Oracle Fusion",
    ]
