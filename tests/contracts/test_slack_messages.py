"""Whatever an ERP holds, what the shipped mappings make of it are messages that Slack's own models and the methods'
reference take, with all the amounts in them.

``HOSTILE_EXAMPLES=2000 pytest -o timeout=3600 tests/contracts/test_slack_messages.py`` tries more.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, cast, get_args, get_origin
from uuid import uuid4

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from slack_sdk.models.blocks import Block
from slack_sdk.models.metadata import Metadata

from connectors.slack.blocks import texts
from connectors.slack.client import Me, Slack
from connectors.slack.messages import Messages
from connectors.slack.sandbox.check import pings, require_blocks, require_metadata
from connectors.slack.settings import SlackSettings
from connectors.slack.text import money
from ml_connector.core import jsonx
from ml_connector.core.http import HttpClient, Retry
from ml_connector.core.mapping import Mapping
from ml_connector.core.rate import Limit
from ml_connector.core.records import Body, Intent, State
from ml_connector.core.tenants import INTEGRATIONS
from tests.connectors.test_slack_blocks import HOSTILE
from tests.core.test_shipped_mappings import MAPPINGS, model, shipped

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "25"))
CHANNEL = "C0PROCURE1"
EARLIER = f"{CHANNEL}/1503435956.000247"
"""A message that the record has in the channel already."""
MANY = 150
LONGEST_TEXT = 4_000
"""``chat.update`` refuses a longer one, ``chat.postMessage`` makes several messages of it."""
LARGEST_METADATA = 1_000
TYPES: dict[str, tuple[type, ...]] = {"boolean": (bool,), "string": (str,), "timestamp": (str,), "channel": (str,)}

# By their numbers, so that a failure does not print 50,000 characters.
anything = st.one_of(st.integers(0, len(HOSTILE) - 1).map(HOSTILE.__getitem__), st.text(max_size=40))
short = st.one_of(st.sampled_from([text for text in HOSTILE if len(text) < 100]), st.text(max_size=40))
currencies = st.sampled_from(("USD", "EUR", "JPY", "KWD"))
amounts = st.one_of(
    st.decimals(-(10**17), 10**17, places=2).map(lambda exact: f"{exact:f}"),  # as the digits of JSON are read
    st.integers(-(10**12), 10**12),
    st.just("-1000000000000000000000000000000.12345"),
)
scalars: dict[Any, st.SearchStrategy[Any]] = {Decimal: amounts, int: st.integers(0, 10**6), bool: st.booleans()}


def bodies(shape: type[BaseModel], words: frozenset[str], text: st.SearchStrategy[str]) -> st.SearchStrategy[Body]:
    """Records of a model with numbers where it has numbers and anything where it has text; of the fields that no
    expression names, ``words``, nothing depends."""
    read = {name: field for name, field in shape.model_fields.items() if name in words}
    values = {name: _values(name, field.annotation, words, text) for name, field in read.items()}
    return st.fixed_dictionaries({}, optional=values)


def _values(name: str, annotation: Any, words: frozenset[str], text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    inner = next((one for one in get_args(annotation) if one not in (type(None), Ellipsis)), annotation)
    if get_origin(annotation) is tuple:
        few = st.lists(bodies(inner, words, short if text is anything else text), max_size=2)
        return st.one_of(st.none(), few, few, few.map(lambda rows: rows * MANY)) if text is anything else few
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return st.one_of(st.none(), bodies(inner, words, text))
    usual = currencies if "Currency" in name else scalars.get(inner, text)
    return st.one_of(usual, usual, usual, st.none())


@cache
def mapping_of(stream: str) -> tuple[Mapping, st.SearchStrategy[Body]]:
    mapping = shipped("oracle_slack", stream)
    file: Path = MAPPINGS / "oracle_slack" / f"{stream}.yaml"
    words = frozenset("".join(char if char.isalnum() else " " for char in file.read_text()).split())
    return mapping, bodies(model(mapping.source), words, anything)


class Recorder(Slack):
    """A workspace that takes everything, and shows what it was given."""

    def __init__(self) -> None:
        super().__init__(cast(HttpClient, None), SlackSettings(origin="https://slack.com/api"))
        self.known = Me("T0TEAM", "Team", "https://team.slack.com/", "bot", None, frozenset(), timedelta())
        self.sent: list[tuple[str, Body]] = []

    async def _write(self, method: str, message: Body, limits: list[Limit], retry: Retry) -> tuple[str, str | None]:
        del limits, retry
        self.sent.append((method, message))
        return "1503435956.000300", None


@pytest.fixture(scope="module")
def reference(specs: Path) -> dict[str, dict[str, Any]]:
    """The arguments of the methods, from their own pages."""
    methods = ("chat.postMessage", "chat.update")
    return {name: json.loads((specs / "slack" / "api_ref" / f"{name}.json").read_bytes())["args"] for name in methods}


@pytest.mark.parametrize("stream", INTEGRATIONS["oracle_slack"].streams)
def test_what_a_mapping_makes_of_any_record_is_a_message_with_its_amounts(
    reference: dict[str, dict[str, Any]], stream: str
) -> None:
    mapping, records = mapping_of(stream)

    # Without shrinking, which takes minutes with such texts.
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=(Phase.generate,))
    @given(
        st.lists(records, min_size=1, max_size=3),
        st.one_of(st.none(), records),
        st.sampled_from(("new", "changed")),
        st.sampled_from(("post", "reply", "update")),
    )
    def tried(found: list[Body], previous: Body | None, event: str, follow_up: str) -> None:
        payloads = [mapping.apply(body | {"event": event, "previous": previous}) for body in found]
        payloads = [{"event": event, "follow_up": follow_up, "channel": CHANNEL} | payload for payload in payloads]
        slack = Recorder()
        destination = Messages(slack)
        payloads.append(destination.digest(stream, payloads * 9))

        asyncio.run(_deliver(destination, payloads))

        assert len(slack.sent) == len(payloads)
        for payload, (method, sent) in zip(payloads, slack.sent, strict=True):
            assert method == ("chat.update" if payload.get("follow_up") == "update" else "chat.postMessage")
            _require_known(sent, reference[method])
            _require_taken(sent)
            _require_amounts(sent, payload["totals"])

    tried()


async def _deliver(destination: Messages, payloads: Sequence[Body]) -> None:
    intents = [Intent(uuid4(), f"{n}@procurement", payload, EARLIER) for n, payload in enumerate(payloads)]
    decisions = await destination.decide(intents)
    outcomes = [outcome for some in [one async for one in destination.send(decisions)] for outcome in some]
    assert [outcome.state for outcome in outcomes] == [State.APPLIED] * len(payloads)
    assert [outcome.reason for outcome in outcomes] == [None] * len(payloads), "none is cut down to plain text"


def _require_known(sent: Body, known: dict[str, Any]) -> None:
    """The method has these arguments, of these types, and misses none. A structure is sent as such."""
    assert {name for name, one in known.items() if one.get("required")} <= sent.keys() <= known.keys()
    for name, value in sent.items():
        if known[name].get("format") != "json":
            types = known[name]["type"]
            assert isinstance(value, TYPES[types if isinstance(types, str) else types[0]]), name


def _require_taken(sent: Body) -> None:
    require_blocks(sent["blocks"])  # with what slack_sdk leaves out: how much there may be of everything
    for raw, block in zip(sent["blocks"], Block.parse_all(sent["blocks"]), strict=True):
        assert type(block) is not Block, "a kind of block that slack_sdk knows"
        assert jsonx.loads(jsonx.dumps(block.to_dict())) == raw, "nothing that it does not know"
    metadata = Metadata(**sent["metadata"])
    assert metadata.to_dict() == sent["metadata"]
    require_metadata(sent["metadata"])
    assert len(jsonx.dumps(sent["metadata"])) <= LARGEST_METADATA
    assert 0 < len(sent["text"]) <= LONGEST_TEXT
    assert pings(sent) == []


def _require_amounts(sent: Body, totals: Sequence[Body]) -> None:
    for total in totals:
        written = money(total["value"], total["currency"]) if total.get("currency") else ""
        assert written in sent["text"]
        assert written in "\n".join(texts(sent["blocks"]))
