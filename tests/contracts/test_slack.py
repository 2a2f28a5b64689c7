"""Slack's own material against both sides: slack_sdk drives the emulator, and our client keeps to the reference."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.models.metadata import Metadata
from slack_sdk.signature import Clock, SignatureVerifier

from connectors.slack import errors
from connectors.slack.ping import ping
from connectors.slack.sandbox.oauth import CLIENT_ID, CLIENT_SECRET
from ml_connector.core.errors import Reauthenticate, RejectEvent
from ml_connector.core.grants import AuthorizationCode
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.oauth import OAuthClient
from ml_connector.core.secret import Secret
from ml_connector.core.signatures import slack_signature, verify_slack
from tests.connectors.slack_workspace import FINANCE, PROCUREMENT, TOKEN, SlackWorkspace, deliver, intent, workspace
from tests.core.issuer import MemoryTokenStore

NOW = 1_531_420_618
NAMES = ("x-slack-signature", "x-slack-request-timestamp")
NAMES_RAW = tuple(name.encode() for name in NAMES)


@pytest.fixture
def slack() -> Iterator[SlackWorkspace]:
    with workspace() as opened:
        yield opened


@pytest.fixture
def sdk(slack: SlackWorkspace) -> WebClient:
    return WebClient(TOKEN, base_url=f"{slack.sandbox.url('slack')}/api/")


@pytest.fixture(scope="module")
def reference(specs: Path) -> dict[str, dict[str, Any]]:
    """The methods' own pages: arguments, errors and examples of answers."""
    return {file.stem: json.loads(file.read_bytes()) for file in (specs / "slack" / "api_ref").glob("*.json")}


def test_the_official_client_gets_along_with_the_emulator(sdk: WebClient) -> None:
    assert sdk.auth_test()["team_id"] == "T0SANDBOX1"
    metadata = Metadata("an_event", {"effect": "e-1"})
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Invoice*"}}]
    posted = sdk.chat_postMessage(channel=PROCUREMENT, text="one", blocks=blocks, metadata=metadata)
    replied = sdk.chat_postMessage(channel="#procurement", text="reply", thread_ts=posted["ts"])
    for n in range(4):
        sdk.chat_postMessage(channel=PROCUREMENT, text=f"more {n}")
    sdk.chat_update(channel=PROCUREMENT, ts=posted["ts"], text="one, changed")

    pages = sdk.conversations_history(channel=PROCUREMENT, limit=2, include_all_metadata=True)
    found = [message for page in pages for message in page["messages"]]
    assert [message["text"] for message in found] == ["more 3", "more 2", "more 1", "more 0", "one, changed"]
    assert found[-1]["metadata"]["event_payload"] == {"effect": "e-1"}
    assert "blocks" not in found[-1]
    (plain,) = sdk.conversations_history(channel=PROCUREMENT, limit=1, latest=replied["ts"])["messages"]
    assert plain["metadata"] == {"event_type": "an_event"}
    thread = sdk.conversations_replies(channel=PROCUREMENT, ts=posted["ts"])["messages"]
    assert [message["text"] for message in thread] == ["one, changed", "reply"]
    names = [channel["name"] for page in sdk.conversations_list(limit=1) for channel in page["channels"]]
    assert names == ["procurement", "finance", "operations"]
    assert sdk.conversations_info(channel=FINANCE)["channel"]["is_member"] is True


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"channel": "C0NOSUCHONE", "text": "x"}, "channel_not_found"),
        ({"channel": PROCUREMENT}, "no_text"),
        ({"channel": PROCUREMENT, "text": "x", "thread_ts": "1.000000"}, "cannot_reply_to_message"),
        ({"channel": PROCUREMENT, "blocks": "{"}, "invalid_blocks_format"),
        (
            {"channel": PROCUREMENT, "blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]},
            "invalid_blocks",
        ),
        ({"channel": PROCUREMENT, "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"channel": PROCUREMENT, "blocks": [{"type": "section", "fields": []}]}, "invalid_blocks"),
        (
            {"channel": PROCUREMENT, "text": "x", "metadata": {"event_type": "A B", "event_payload": {}}},
            "invalid_metadata_schema",
        ),
    ],
)
def test_the_emulator_refuses_what_slack_refuses_in_slacks_words(
    sdk: WebClient, slack: SlackWorkspace, reference: dict[str, dict[str, Any]], args: dict[str, Any], code: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        sdk.api_call("chat.postMessage", json=args)

    assert refused.value.response["error"] == code
    assert code in reference["chat.postMessage"]["errors"]
    assert slack.messages() == []


def test_a_long_text_becomes_several_messages_and_is_counted_as_slack_may_count_it(
    sdk: WebClient, slack: SlackWorkspace
) -> None:
    sdk.chat_postMessage(channel=PROCUREMENT, text="x" * 4_000)
    sdk.chat_postMessage(channel=PROCUREMENT, text="y" * 4_001)
    sdk.chat_postMessage(channel=PROCUREMENT, text="\U0001f600" * 2_001)
    assert [len(message["text"]) for message in slack.messages()] == [4_000, 4_000, 1, 2_000, 1]
    with pytest.raises(SlackApiError) as refused:
        sdk.chat_update(channel=PROCUREMENT, ts=slack.messages()[0]["ts"], text="\U0001f600" * 2_001)
    assert refused.value.response["error"] == "msg_too_long"


def test_one_message_a_second_in_a_channel_and_no_more(sdk: WebClient, slack: SlackWorkspace) -> None:
    slack.configure(posts_per_second=1.0)
    sdk.chat_postMessage(channel=PROCUREMENT, text="one")
    sdk.chat_postMessage(channel=FINANCE, text="one")
    with pytest.raises(SlackApiError) as refused:
        sdk.chat_postMessage(channel=PROCUREMENT, text="two")

    assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (429, "1")
    assert len(slack.messages()) == 2


def test_answers_have_the_fields_of_slacks_own(sdk: WebClient, specs: Path) -> None:
    samples = {file.stem: json.loads(file.read_bytes()) for file in (specs / "slack" / "samples").glob("*.json")}
    _same_types(sdk.auth_test().data, samples["auth.test"])
    _same_types(sdk.conversations_info(channel=FINANCE).data, samples["conversations.info"])
    _same_types(sdk.conversations_list().data, samples["conversations.list"])


@pytest.mark.parametrize("rotation", [False, True])
def test_the_app_is_installed_by_oauth(slack: SlackWorkspace, specs: Path, rotation: bool) -> None:
    slack.configure(rotation=rotation)
    base, back = slack.sandbox.url("slack"), "https://acme.example/oauth/callback"
    asked = {"client_id": CLIENT_ID, "scope": "chat:write,channels:read", "redirect_uri": back, "state": "s-1"}
    page = httpx.get(f"{base}/oauth/v2/authorize", params=asked)
    answer = dict(parse_qsl(page.headers["location"].partition("?")[2]))
    sdk = WebClient(base_url=f"{base}/api/")
    grant = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uri": back}
    token = sdk.oauth_v2_access(code=answer["code"], **grant)

    assert (page.status_code, answer["state"]) == (302, "s-1")
    _same_types(token.data, json.loads((specs / "slack" / "samples" / "oauth.v2.access.json").read_bytes()))
    assert token["access_token"].startswith("xoxe.xoxb-1-" if rotation else "xoxb-")
    assert "expires_in" in token.data if rotation else "refresh_token" not in token.data
    tested = WebClient(token["access_token"], base_url=f"{base}/api/").auth_test()
    assert tested.headers["x-oauth-scopes"] == "channels:read,chat:write"
    with pytest.raises(SlackApiError, match="invalid_code"):
        sdk.oauth_v2_access(code=answer["code"], **grant)
    if rotation:
        renewed = sdk.oauth_v2_access(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            grant_type="refresh_token",
            refresh_token=token["refresh_token"],
        )
        assert renewed["refresh_token"] != token["refresh_token"]


async def test_the_generic_oauth_client_gets_and_renews_slacks_tokens(slack: SlackWorkspace) -> None:
    slack.configure(rotation=True)
    base, back, store = slack.sandbox.url("slack"), "https://acme.example/oauth/callback", MemoryTokenStore()
    app = OAuthClient(f"{base}/api/oauth.v2.access", CLIENT_ID, Secret(CLIENT_SECRET), "chat:write", "basic_form")
    auth = AuthorizationCode(app, store, HostPolicy((), allow_private=True), "acme/slack")

    async def code() -> str:
        asked = {"client_id": CLIENT_ID, "scope": "chat:write", "redirect_uri": back, "state": "s-1"}
        async with httpx.AsyncClient() as browser:
            page = await browser.get(f"{base}/oauth/v2/authorize", params=asked)
        return dict(parse_qsl(page.headers["location"].partition("?")[2]))["code"]

    with pytest.raises(Reauthenticate, match="pkce_not_allowed"):
        await auth.exchange(await code(), back, "a verifier")
    with pytest.raises(Reauthenticate, match="invalid_code"):
        await auth.exchange("never given", back, "")
    await auth.exchange(await code(), back, "")
    first = await auth.headers()
    slack.emulator.expire_tokens()
    async with slack.client(auth=auth) as client:
        assert (await client.me()).scopes == {"chat:write"}
    assert first["Authorization"].startswith("Bearer xoxe.xoxb-1-")
    assert await auth.headers() != first


async def test_our_client_sends_only_arguments_that_the_reference_knows(
    slack: SlackWorkspace, reference: dict[str, dict[str, Any]]
) -> None:
    async with slack.client(channels={"finance": FINANCE}) as client:
        await ping(client)
        (first,) = await deliver(client, [intent("Invoice 1", "finance")])
        await deliver(client, [intent("Invoice 1 b", "finance", first.dest_id, follow_up="update")])
        slack.fault("lose_response", "chat.postMessage", times=1)
        await deliver(client, [intent("Invoice 2", "finance")])

    methods = set()
    for seen in slack.world.requests:
        method = seen.path.rpartition("/")[2]
        methods.add(method)
        sent = set(json.loads(seen.body) if seen.body else dict(parse_qsl(seen.query)))
        known = reference[method]["args"]
        assert sent <= known.keys(), f"{method} has no {sent - known.keys()}"
        assert {name for name, one in known.items() if one.get("required")} <= sent
    assert methods == {
        "auth.test",
        "chat.postMessage",
        "chat.update",
        "conversations.history",
        "conversations.info",
    }


def test_every_error_of_the_reference_says_what_to_do(reference: dict[str, dict[str, Any]]) -> None:
    for method in ("auth.test", "chat.postMessage", "chat.update", "conversations.history", "conversations.info"):
        for code in reference[method]["errors"]:
            error = errors.error_of({"ok": False, "error": code}, method)
            assert code in str(error) or code == "missing_scope"
    named = {**errors._CREDENTIAL, **errors._WORKSPACE, **errors._CHANNEL, **errors._LATER}
    documented = {code for method in reference.values() for code in method["errors"]}
    beside = {"invalid_auth", "team_access_not_granted"}  # named on other pages of the documentation
    assert named.keys() <= documented | beside


def test_both_sides_judge_signatures_alike() -> None:
    """10,000 requests, of which about a third are as Slack has signed them. Where slack_sdk fails it refuses."""
    chance, secret = random.Random(1), "secret-1"
    accepted = 0
    for n in range(10_000):
        body = json.dumps({"n": n, "text": "ä" * (n % 5)}, ensure_ascii=False).encode()
        stamp = str(NOW + chance.choice((0, 0, 0, -299, 299, -300, 300, -301, 301, 86_400)))
        mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
        kind, *signed, body = _mutated(chance, f"v0={mac.hexdigest()}", stamp, body)
        headers = {name: str(value) for name, value in zip(NAMES, signed, strict=True) if value is not None}
        ours = _is_accepted([(name.encode(), value.encode()) for name, value in headers.items()], body, secret)
        try:
            theirs = SignatureVerifier(secret, _Fixed()).is_valid_request(body, headers)
        except (TypeError, ValueError):
            theirs = False
        assert ours == theirs, (kind, headers)
        accepted += ours
    assert 2_000 < accepted < 5_000


STRICTER = ["+1531420618", " 1531420618", "1_531_420_618", "01531420618", "١٥٣١٤٢٠٦١٨"]
"""Times that Python takes for a number and Slack never writes."""


@pytest.mark.parametrize("stamp", STRICTER)
def test_where_ours_is_stricter(stamp: str) -> None:
    raw, body = stamp.encode(), b"{}"
    signature = slack_signature(Secret("secret"), raw, body)

    assert SignatureVerifier("secret", _Fixed()).is_valid(body, stamp, signature.decode())
    assert not _is_accepted(list(zip(NAMES_RAW, (signature, raw), strict=True)), body, "secret")


def test_ours_takes_no_header_that_comes_twice() -> None:
    """slack_sdk is given a dictionary, in which whoever made it has chosen one."""
    raw, body = str(NOW).encode(), b"{}"
    signature = slack_signature(Secret("secret"), raw, body)
    once = list(zip(NAMES_RAW, (signature, raw), strict=True))

    assert _is_accepted(once, body, "secret")
    assert not _is_accepted([*once, once[0]], body, "secret")
    assert not _is_accepted([*once, once[1]], body, "secret")


class _Fixed(Clock):
    def now(self) -> float:
        return NOW


def _is_accepted(headers: Sequence[tuple[bytes, bytes]], body: bytes, secret: str) -> bool:
    try:
        verify_slack(headers, body, [Secret(secret)], NOW)
    except RejectEvent:
        return False
    return True


def _mutated(
    chance: random.Random, signature: str, stamp: str, body: bytes
) -> tuple[str, str | None, str | None, bytes]:
    """What was done to it, and the request."""
    place = chance.randrange(len(body))
    kinds: dict[str, tuple[str | None, str | None, bytes]] = {
        "digit changed": (signature[:-1] + ("0" if signature[-1] != "0" else "1"), stamp, body),
        "digit missing": (signature[:-1], stamp, body),
        "capitals": (signature.upper(), stamp, body),
        "no version": (signature.removeprefix("v0="), stamp, body),
        "other version": (signature.replace("v0=", "v1="), stamp, body),
        "space": (f"{signature} ", stamp, body),
        "not ASCII": (f"{signature}ä", stamp, body),
        "no signature": (None, stamp, body),
        "empty signature": ("", stamp, body),
        "body longer": (signature, stamp, body + b" "),
        "bit of the body": (signature, stamp, body[:place] + bytes([body[place] ^ 0x80]) + body[place + 1 :]),
        "no body": (signature, stamp, b""),
        "other time": (signature, str(int(stamp) + 1), body),
        "no time": (signature, None, body),
        "time with a fraction": (signature, f"{stamp}.0", body),
        "time in words": (signature, "now", body),
        "colon moved": (signature, stamp[:-1], stamp[-1:].encode() + b":" + body),
    }
    kind = chance.choice([*kinds, *["none"] * len(kinds)])
    return (kind, *kinds.get(kind, (signature, stamp, body)))


def _same_types(ours: Any, theirs: Any, at: str = "") -> None:
    """Every field of ours is one of theirs, and of the same type where it holds something."""
    if isinstance(theirs, dict) and ours is not None:
        for name, value in ours.items():
            assert name in theirs or name in _NEWER, f"{at}/{name} is none of Slack's"
            _same_types(value, theirs.get(name), f"{at}/{name}")
    elif isinstance(theirs, list):
        for value in ours:
            _same_types(value, theirs[0] if theirs else None, f"{at}/0")
    elif ours is not None and theirs is not None:
        assert type(ours) is type(theirs), at


_NEWER = {"response_metadata"}
"""Fields of the reference that the samples, which are older, lack."""
