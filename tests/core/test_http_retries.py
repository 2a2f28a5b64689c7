"""What is sent again, and what never is. What counts is counted at the server."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from ml_connector.core.errors import ConnectorError, LeaseLost, RetryLater
from ml_connector.core.http import HttpPolicy, Retry
from tests.core.calling import Naps, client, connected, policy
from tests.core.wire import Step, answer, drip, garbage, hang, hang_up, reset

TRANSIENT: dict[str, Step] = {
    "429": answer(429),
    "500": answer(500),
    "503 as HTML": answer(503, b"<html>", kind="text/html"),
    "520 (Cloudflare)": answer(520),
    "408": answer(408),
    "unexpected 2xx": answer(206),
    "reset": reset,
    "hang up": hang_up,
    "body cut off": answer(body=b'{"a": ', length=500),
    "JSON cut off": answer(body=b'{"a": '),
    "HTML with 200": answer(body=b"<html>", kind="text/html; charset=utf-8"),
    "JSON said to be HTML": answer(body=b"{}", kind="text/html"),
    "HTML said to be JSON": answer(body=b"<html>"),
    "empty where JSON was expected": answer(body=b""),
    "no HTTP": garbage,
    "broken gzip": answer(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
    "no answer": hang,
    "a byte at a time": drip,
}


def patience(fault: Step) -> HttpPolicy:
    """Who never answers is waited for until the time is up: it is short, but what else is asked has to fit into it."""
    return policy(try_timeout=2.0) if fault in (hang, drip) else policy()


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
async def test_a_read_survives_whatever_may_pass(fault: Step) -> None:
    started = time.monotonic()
    async with connected(fault, answer(body=b'{"a": 1}'), policy=patience(fault)) as (server, http):
        assert (await http.request("GET", "/x")).json() == {"a": 1}
        assert len(server.requests) == 2
    assert time.monotonic() - started < 25, "who hangs or drips does so for 30 s"


UNKNOWN = {name: fault for name, fault in TRANSIENT.items() if name not in ("429", "empty where JSON was expected")}


@pytest.mark.parametrize("fault", UNKNOWN.values(), ids=UNKNOWN.keys())
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_write_of_unknown_outcome_is_never_sent_again(method: str, fault: Step) -> None:
    # The first request leaves a connection in the pool: aiohttp repeats PUT and DELETE on such a one by itself.
    async with connected(answer(), fault, answer(status=201), policy=patience(fault)) as (server, http):
        await http.request("GET", "/warm")
        with pytest.raises(RetryLater) as caught:
            await http.request(method, "/x", json=None if method == "DELETE" else {"a": 1})

        assert len(server.requests) == 2
    assert caught.value.maybe_applied
    assert (caught.value.vendor, caught.value.phase) == ("acme", f"{method} /x")


async def test_a_write_may_be_answered_with_an_empty_body() -> None:
    async with connected(answer(200, b""), answer(204, b"", kind="")) as (server, http):
        assert (await http.request("PUT", "/x", json={})).status == 200
        assert (await http.request("DELETE", "/x")).status == 204

    assert len(server.requests) == 2


async def test_a_write_that_could_not_connect_is_repeated_and_certainly_not_applied() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        naps = Naps()
        http = client(f"http://127.0.0.1:{unused.getsockname()[1]}", policy=policy(naps))
        with pytest.raises(RetryLater) as caught:
            await http.request("POST", "/x", json={})
        await http.aclose()

    assert not caught.value.maybe_applied
    assert naps.taken == [1.0, 2.0, 4.0, 8.0]


async def test_a_host_that_takes_no_connection_has_certainly_not_applied_a_write() -> None:
    with socket.socket() as deaf, socket.socket() as queued:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)  # the queue holds one connection, which nobody accepts; further ones are not answered
        queued.connect(deaf.getsockname())
        http = client(f"http://127.0.0.1:{deaf.getsockname()[1]}", policy=policy(connect_timeout=0.1, tries=2))
        with pytest.raises(RetryLater, match="no connection") as caught:
            await http.request("POST", "/x", json={})
        await http.aclose()

    assert not caught.value.maybe_applied


async def test_five_tries_then_retry_later_with_the_request_id() -> None:
    naps = Naps()
    async with connected(answer(503, headers={"X-Request-Id": "r-9"}), policy=policy(naps)) as (server, http):
        with pytest.raises(RetryLater, match="answered 503") as caught:
            await http.request("GET", "/x", record_key="42")

    assert len(server.requests) == 5
    assert naps.taken == [1.0, 2.0, 4.0, 8.0]
    assert (caught.value.request_id, caught.value.record_key, caught.value.maybe_applied) == ("r-9", "42", False)


async def test_a_repeated_idempotent_write_says_that_it_may_have_been_applied() -> None:
    async with connected(reset, answer(429)) as (server, http):
        with pytest.raises(RetryLater) as caught:
            await http.request("PUT", "/x", json={}, retry=Retry.ALWAYS)

    assert len(server.requests) == 5
    assert caught.value.maybe_applied


async def test_a_read_by_post_is_repeated_and_nothing_is_in_doubt_after_it() -> None:
    policy = HttpPolicy(tries=3, backoff=0.01)
    async with connected(answer(503), answer(503), answer(503), policy=policy) as (server, http):
        with pytest.raises(RetryLater) as failed:
            await http.request("POST", "/soap", content=b"<read/>", reads=True)

    assert (len(server.requests), failed.value.maybe_applied) == (3, False)


async def test_the_guard_stands_before_every_try_of_a_write() -> None:
    asked: list[str] = []

    def guard() -> None:
        asked.append("")
        if len(asked) == 3:
            raise LeaseLost("somebody else writes now")

    async with connected(answer(), answer(), answer(429), guard=guard) as (server, http):
        await http.request("GET", "/x")
        await http.request("POST", "/soap", content=b"<read/>", reads=True)
        unguarded = len(asked)
        with pytest.raises(LeaseLost):
            await http.request("POST", "/x", json={})

    assert (unguarded, len(server.requests)) == (0, 4)


@pytest.mark.parametrize(
    ("step", "tries", "too_much"),
    [(answer(504), 1, True), (hang, 1, True), (answer(body=b" " * 2_000), 1, True), (answer(503), 3, False)],
    ids=["504", "no answer in time", "too large", "503"],
)
async def test_who_can_ask_for_less_is_told_at_once_that_it_was_too_much(
    step: Step, tries: int, too_much: bool
) -> None:
    limits = replace(patience(step), tries=3, max_body=1_000)
    async with connected(step, step, step, policy=limits) as (server, http):
        with pytest.raises(ConnectorError) as caught:
            await http.request("GET", "/x", retry=Retry.UNLESS_TOO_MUCH)

    assert (len(server.requests), caught.value.too_much) == (tries, too_much)
