"""Messages posted once and in order, over real HTTP to the sandbox, whatever happens to the answers."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from statistics import median
from uuid import uuid4

import pytest

from connectors.slack.messages import Messages, address
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured, Reauthenticate
from ml_connector.core.http import HttpPolicy
from ml_connector.core.rate import Limiter
from ml_connector.core.records import Outcome, State
from tests.connectors.delivering import send, send_into, states
from tests.connectors.slack_workspace import FINANCE, PROCUREMENT, TOKEN, SlackWorkspace, deliver, intent, workspace

MANY = [f"Invoice {n}" for n in range(12)]
ATTEMPTS = 5
"""At keeping a pace to a fifth of a second, on a machine that may stand still for longer."""


@pytest.fixture
def slack() -> Iterator[SlackWorkspace]:
    with workspace() as opened:
        yield opened


def effects(slack: SlackWorkspace) -> Counter[str]:
    """How often each effect has been posted."""
    return Counter(effect.key for effect in slack.world.effects if effect.kind == "message.posted")


async def test_messages_arrive_in_the_order_of_their_channel_with_their_effects_ids(slack: SlackWorkspace) -> None:
    sent = [intent(title, (PROCUREMENT, FINANCE)[n % 2]) for n, title in enumerate(MANY)]
    async with slack.client() as client:
        outcomes = await deliver(client, sent)
        link = address(client, "Message", outcomes[0].dest_id or "")

    assert states(outcomes) == {State.APPLIED: len(MANY)}
    assert slack.titles(PROCUREMENT) == MANY[::2]
    assert slack.titles(FINANCE) == MANY[1::2]
    assert effects(slack) == Counter(str(one.effect_id) for one in sent)
    first = slack.messages(PROCUREMENT)[0]
    assert outcomes[0].dest_id == f"{PROCUREMENT}/{first['ts']}"
    assert link == f"https://sandbox.slack.com/archives/{PROCUREMENT}/p{first['ts'].replace('.', '')}"


async def test_lost_answers_are_looked_up_and_not_sent_again(slack: SlackWorkspace) -> None:
    slack.fault("lose_response", "chat.postMessage", every=3)
    slack.answers("chat.postMessage", "fatal_error", applied=True, every=4)
    slack.fault("status", "chat.postMessage", status=503, every=5)
    async with slack.client() as client:
        outcomes = await deliver(client, [intent(title) for title in MANY])

    assert states(outcomes) == {State.APPLIED: len(MANY)}
    assert slack.titles() == MANY
    flagged = [outcome for outcome in outcomes if outcome.reason and "twice" in outcome.reason]
    assert len(flagged) in range(1, 4), "what was not carried out is posted again, and says so"


async def test_what_shows_up_later_than_the_settle_time_is_flagged(slack: SlackWorkspace) -> None:
    slack.fault("lose_response", "chat.postMessage", times=1)
    slack.fault("history_lag", "chat.postMessage", seconds=60, times=1)
    async with slack.client() as client:
        (outcome,) = await deliver(client, [intent("Invoice 1")])

    assert slack.titles() == ["Invoice 1", "Invoice 1"]
    assert outcome.state is State.APPLIED
    assert "it stands there twice" in (outcome.reason or "")


async def test_nothing_is_posted_again_before_it_is_written_down_that_it_may_stand_there_twice(
    slack: SlackWorkspace,
) -> None:
    slack.fault("lose_response", "chat.postMessage", times=1)
    slack.fault("history_lag", "chat.postMessage", seconds=60, times=1)
    async with slack.client() as client:
        destination = Messages(client)
        outcomes = destination.send(await destination.decide([intent("Invoice 1")]))
        [doubt] = await anext(outcomes)
        await asyncio.sleep(0.1)  # as long as it may take to write that down
        posted = slack.titles()
        [last] = await anext(outcomes)

    assert (doubt.state, posted) == (State.AMBIGUOUS, ["Invoice 1"])
    assert "it stands there twice" in (doubt.reason or "")
    assert (last.state, slack.titles()) == (State.APPLIED, ["Invoice 1", "Invoice 1"])


async def test_after_a_crash_one_read_settles_all_of_a_channel(slack: SlackWorkspace) -> None:
    async with slack.client() as client:
        destination = Messages(client)
        decisions = await destination.decide([intent(title) for title in MANY])
        await send(destination, decisions[:7])  # the process dies, and nobody has noted the outcomes
        outcomes = await destination.probe(decisions)

    assert states(outcomes[:7]) == {State.APPLIED: 7}
    assert [outcome.dest_id for outcome in outcomes[:7]] == [f"{PROCUREMENT}/{m['ts']}" for m in slack.messages()]
    assert states(outcomes[7:]) == {State.RETRY_WAIT: 5}
    assert slack.calls("conversations.history") == 1


async def test_a_long_history_is_read_to_its_end(slack: SlackWorkspace) -> None:
    slack.configure(history_limit=5)
    async with slack.client() as client:
        destination = Messages(client)
        decisions = await destination.decide([intent(title) for title in MANY])
        await send(destination, decisions)
        outcomes = await destination.probe([*decisions[:1], *await destination.decide([intent("never posted")])])

    assert [outcome.state for outcome in outcomes] == [State.APPLIED, State.RETRY_WAIT]
    assert slack.calls("conversations.history") == 3


@pytest.mark.parametrize(
    ("unclear", "state", "posted"),
    [("hold", State.NEEDS_HUMAN, 2), ("resend", State.APPLIED, 3), ("drop", State.ABANDONED, 2)],
)
async def test_where_the_history_cannot_be_read_the_connection_says_what_to_do(
    slack: SlackWorkspace, unclear: str, state: State, posted: int
) -> None:
    slack.configure(scopes="chat:write,channels:read")
    slack.fault("lose_response", "chat.postMessage", times=1)
    async with slack.client(unclear=unclear) as client:
        outcomes = await deliver(client, [intent("Invoice 1"), intent("Invoice 2")])

    assert outcomes[0].state is state
    assert "channels:history" in (outcomes[0].reason or "") or unclear == "resend"
    assert outcomes[1].state is State.APPLIED, "what is held does not stop the messages behind it"
    assert len(slack.messages()) == posted


async def test_while_an_earlier_message_waits_none_overtakes_it_and_other_channels_go_on(slack: SlackWorkspace) -> None:
    slack.answers("chat.postMessage", "rate_limited", times=1)
    async with slack.client() as client:
        sent = [intent("Invoice 1"), intent("Invoice 2"), intent("Journal 1", FINANCE), intent("Journal 2", FINANCE)]
        outcomes = await deliver(client, sent)

    waiting, gone = (outcomes[:2], outcomes[2:]) if not slack.messages(PROCUREMENT) else (outcomes[2:], outcomes[:2])
    assert states(waiting) == {State.RETRY_WAIT: 2}
    assert all(outcome.retry_after == 60.0 for outcome in waiting)
    assert states(gone) == {State.APPLIED: 2}


async def test_a_history_that_fails_for_a_moment_leaves_the_message_open(slack: SlackWorkspace) -> None:
    slack.fault("lose_response", "chat.postMessage", times=1)
    slack.fault("status", "conversations.history", status=500)
    async with slack.client() as client:
        outcomes = await deliver(client, [intent("Invoice 1"), intent("Invoice 2")])

    assert [outcome.state for outcome in outcomes] == [State.AMBIGUOUS, State.RETRY_WAIT]
    assert slack.titles() == ["Invoice 1"]


async def test_a_channel_that_is_closed_stops_itself_only(slack: SlackWorkspace) -> None:
    slack.channel(PROCUREMENT, is_archived=True)
    async with slack.client() as client:
        outcomes = await deliver(client, [intent("1"), intent("2"), intent("3", FINANCE), intent("4", "nowhere")])

    assert [outcome.state for outcome in outcomes] == [
        State.REJECTED,
        State.REJECTED,
        State.APPLIED,
        State.REJECTED,
    ]
    assert "unarchive it" in (outcomes[1].reason or "")
    assert "channel" in (outcomes[3].reason or "")
    assert slack.calls("chat.postMessage") == 2


@pytest.mark.parametrize(
    ("error", "raised", "says"),
    [
        ("token_revoked", Reauthenticate, "secret set acme/slack token"),
        ("account_inactive", Reauthenticate, "connect the workspace again"),
        ("missing_scope", Misconfigured, "install the app again"),
    ],
)
async def test_a_refused_token_ends_the_send_with_nothing_lost(
    slack: SlackWorkspace, error: str, raised: type[Exception], says: str
) -> None:
    async with slack.client() as client:
        destination = Messages(client)
        decisions = await destination.decide(
            [intent(title, (PROCUREMENT, FINANCE)[n % 2]) for n, title in enumerate(MANY)]
        )
        slack.answers("chat.postMessage", error)
        outcomes: list[Outcome] = []
        with pytest.raises(raised, match=says):
            await send_into(outcomes, destination, decisions)

    assert states(outcomes) == {State.RETRY_WAIT: len(MANY)}
    assert slack.calls("chat.postMessage") <= 2, "one attempt a channel, not one a message"


async def test_a_revoked_token_is_noticed_before_anything_is_claimed(slack: SlackWorkspace) -> None:
    slack.emulator.expire_tokens()
    async with slack.client() as client:
        with pytest.raises(Reauthenticate):
            await Messages(client).decide([intent("Invoice 1")])


async def test_a_layout_that_slack_refuses_goes_as_plain_text(slack: SlackWorkspace) -> None:
    slack.answers("chat.postMessage", "msg_blocks_too_long", times=1)
    async with slack.client() as client:
        outcomes = await deliver(client, [intent("Invoice 1", totals=[{"label": "Total", "value": "10.00"}])])

    assert [(o.state, o.reason) for o in outcomes] == [(State.APPLIED, "as plain text: Slack refuses the layout")]
    assert [("blocks" in m, m["text"]) for m in slack.messages()] == [(False, "Invoice 1\nTotal: 10.00")]


async def test_a_changed_record_follows_its_message_as_the_tenant_wants(slack: SlackWorkspace) -> None:
    async with slack.client() as client:
        (first,) = await deliver(client, [intent("Invoice 1")])
        ts = (first.dest_id or "").split("/")[1]
        reply = intent("Invoice 1 paid", dest_id=first.dest_id, follow_up="reply")
        (replied,) = await deliver(client, [reply])
        (changed,) = await deliver(client, [intent("Invoice 1 b", dest_id=replied.dest_id, follow_up="update")])
        (elsewhere,) = await deliver(client, [intent("Invoice 1", FINANCE, first.dest_id, follow_up="update")])
        (resent,) = await deliver(client, [intent("Invoice 1", dest_id=first.dest_id, follow_up="update", force=True)])
        slack.fault("lose_response", "chat.postMessage", times=1)
        (again,) = await deliver(client, [intent("Invoice 1 late", dest_id=first.dest_id, follow_up="reply")])

    assert [o.action for o in (replied, changed, elsewhere, resent)] == ["reply", "update", "post", "post"]
    assert (replied.dest_id or "").endswith(f"/{ts}")
    assert changed.dest_id == first.dest_id
    assert slack.titles(PROCUREMENT) == ["Invoice 1 b", "Invoice 1 paid", "Invoice 1", "Invoice 1 late"]
    assert again.state is State.APPLIED
    assert effects(slack)[str(again.effect_id)] == 1


async def test_a_message_that_is_gone_is_posted_anew(slack: SlackWorkspace) -> None:
    async with slack.client() as client:
        (first,) = await deliver(client, [intent("Invoice 1")])
        slack.emulator.mutate("messages", {"keys": [slack.messages()[0]["ts"]], "delete": True})
        (outcome,) = await deliver(client, [intent("Invoice 1 b", dest_id=first.dest_id, follow_up="update")])

    assert (outcome.state, slack.titles()) == (State.APPLIED, ["Invoice 1 b"])
    assert outcome.dest_id == f"{PROCUREMENT}/{slack.messages()[0]['ts']}"


async def test_a_message_of_a_channel_that_is_being_moved_is_changed_later(slack: SlackWorkspace) -> None:
    async with slack.client() as client:
        (first,) = await deliver(client, [intent("Invoice 1")])
        slack.answers("chat.update", "external_channel_migrating", times=1)
        changed = intent("Invoice 1 b", dest_id=first.dest_id, follow_up="update")
        (waits,) = await deliver(client, [changed])
        (outcome,) = await deliver(client, [changed])

    assert (waits.state, waits.retry_after, outcome.state) == (State.RETRY_WAIT, 600.0, State.APPLIED)
    assert slack.titles() == ["Invoice 1 b"]


@pytest.mark.parametrize(
    "refusal", [None, "restricted_action_thread_locked", "restricted_action_non_threadable_channel"]
)
async def test_where_a_thread_takes_no_reply_the_channel_gets_it_once(
    slack: SlackWorkspace, refusal: str | None
) -> None:
    async with slack.client() as client:
        destination = Messages(client)
        (first,) = await deliver(client, [intent("Invoice 1")])
        if refusal:
            slack.answers("chat.postMessage", refusal, times=1)
        else:
            slack.emulator.mutate("messages", {"keys": [slack.messages()[0]["ts"]], "delete": True})
        reply = intent("Invoice 1 b", dest_id=first.dest_id, follow_up="reply")
        decisions = await destination.decide([reply])
        (outcome,) = await send(destination, decisions)
        (probed,) = await destination.probe(decisions)  # the process has died before it was noted

    posted = slack.messages()[-1]
    assert (outcome.state, "thread_ts" in posted, effects(slack)[str(reply.effect_id)]) == (State.APPLIED, False, 1)
    assert outcome.dest_id == probed.dest_id == f"{PROCUREMENT}/{posted['ts']}"


async def test_messages_of_other_apps_with_the_same_metadata_prove_nothing(slack: SlackWorkspace) -> None:
    async with slack.client() as client:
        destination = Messages(client)
        decisions = await destination.decide([intent("Invoice 1")])
        await send(destination, decisions)
        for channel in slack.emulator.workspace.channels.values():
            for message in channel.messages:
                message.row["bot_id"] = "B0STRANGER"
        (outcome,) = await destination.probe(decisions)

    assert outcome.state is State.RETRY_WAIT


async def test_one_message_a_second_in_a_channel_over_all_processes(database: Database) -> None:
    for _ in range(ATTEMPTS):
        with workspace() as slack:
            slack.configure(posts_per_second=1.0)
            policy = HttpPolicy(tries=1)
            async with (
                slack.client(limiter=Limiter(database), policy=policy) as one,
                slack.client(limiter=Limiter(database), policy=policy) as other,
            ):
                channels = [PROCUREMENT] * 3 + [FINANCE] * 3
                halves = [deliver(client, [intent(f"{uuid4()}", to) for to in channels]) for client in (one, other)]
                outcomes = [outcome for half in await asyncio.gather(*halves) for outcome in half]
            violations = slack.emulator.state("rate_violations")
            gaps = [gaps_between(slack, channel) for channel in (PROCUREMENT, FINANCE)]
        even = all(min(some) >= 1.0 and median(some) <= 1.0 / 0.75 for some in gaps)
        if states(outcomes) == {State.APPLIED: 12} and violations == [] and even:
            return
    pytest.fail(f"{states(outcomes)}, {violations}, {gaps}")


def gaps_between(slack: SlackWorkspace, channel: str) -> list[float]:
    """Seconds between the messages of a channel."""
    at = [datetime.fromisoformat(e.at) for e in slack.world.effects if e.detail["channel"] == channel]
    return [(later - earlier).total_seconds() for earlier, later in pairwise(at)]


async def test_a_token_that_ends_in_mid_send_is_renewed_and_the_message_goes(slack: SlackWorkspace) -> None:
    class Renewable:
        """A credential with one more token in hand."""

        remedy = "connect it again"

        def __init__(self) -> None:
            self.token = TOKEN

        async def headers(self) -> dict[str, str]:
            return {"Authorization": f"Bearer {self.token}"}

        async def refuse(self, headers: dict[str, str]) -> None:
            assert headers["Authorization"].endswith(TOKEN)
            self.token = "xoxb-renewed"
            slack.configure(token=self.token)

    async with slack.client(auth=Renewable()) as client:
        destination = Messages(client)
        decisions = await destination.decide([intent("Invoice 1"), intent("Invoice 2")])
        slack.emulator.expire_tokens()
        outcomes = await send(destination, decisions)

    assert states(outcomes) == {State.APPLIED: 2}
    assert slack.titles() == ["Invoice 1", "Invoice 2"]


async def test_nothing_is_lost_or_doubled_by_lost_answers_and_sudden_deaths(slack: SlackWorkspace) -> None:
    settle, chance = 0.15, random.Random(7)
    slack.fault("lose_response", "chat.postMessage", rate=0.3)
    slack.fault("status", "chat.postMessage", rate=0.1, status=503)
    slack.answers("chat.postMessage", "fatal_error", applied=True, rate=0.1)
    slack.fault("history_lag", "chat.postMessage", rate=0.5, seconds=0.1)
    waiting = [intent(f"{n:03}", (PROCUREMENT, FINANCE)[n % 2]) for n in range(80)]
    deaths = 0
    while waiting:
        async with slack.client(settle_seconds=settle) as client:
            destination = Messages(client)
            decisions = await destination.decide(waiting)
            outcomes: list[Outcome] = []
            sending = asyncio.create_task(send_into(outcomes, destination, decisions))
            done, _ = await asyncio.wait([sending], timeout=chance.uniform(0.05, 1.5))
            deaths += not done
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            settled = {o.effect_id for o in outcomes if o.state is State.APPLIED}
            certain = {o.effect_id for o in outcomes if o.state is State.RETRY_WAIT}
            async with slack.client() as another:
                await another.me()  # behind what is still on its way from the dead one
            await asyncio.sleep(settle)
            open_ = [d for d in decisions if d.effect_id not in settled | certain]
            probed = await destination.probe(open_)
            settled |= {o.effect_id for o in probed if o.state is State.APPLIED}
            waiting = [one for one in waiting if one.effect_id not in settled]

    assert deaths > 3
    for channel in (PROCUREMENT, FINANCE):
        assert slack.titles(channel) == sorted(set(slack.titles(channel)))
    assert len(slack.messages()) == 80
