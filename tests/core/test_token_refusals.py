"""What a person is told when no token is to be had, and what still works meanwhile. The token endpoint is real HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ml_connector.core.errors import Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.grants import AuthorizationCode, ClientCredentials
from tests.core.issuer import Clock, Issuer, MemoryTokenStore, bearer, fields, oauth, token
from tests.core.wire import Request, Step, answer, hang, reset, wire


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_dead_refresh_token_says_how_to_reconnect(status: int) -> None:
    dead = answer(status, b'{"error": "invalid_grant", "error_description": "r-0 is revoked"}')
    async with wire(dead) as server:
        auth = oauth(AuthorizationCode, server, MemoryTokenStore(token()))
        for _ in range(5):
            with pytest.raises(Reauthenticate, match=r"invalid_grant.*`ml-connector connect acme/zendesk`") as caught:
                await auth.refuse({"Authorization": "Bearer a-0"})
        assert "r-0" not in str(caught.value)

    assert len(server.requests) == 1, "a refused credential is not tried in a loop: vendors lock accounts"


async def test_a_refresh_token_whose_answer_was_lost_is_tried_again_once_and_by_no_other_process() -> None:
    async def cut_off(request: Request, writer: asyncio.StreamWriter) -> None:
        issuer.refresh = "r-1"
        await reset(request, writer)

    issuer, store, clock = Issuer(), MemoryTokenStore(token()), Clock()
    async with wire(cut_off, issuer) as server:
        for _ in range(5):
            with pytest.raises(Reauthenticate, match="`ml-connector connect acme/zendesk`"):
                await oauth(AuthorizationCode, server, store, clock).refuse({"Authorization": "Bearer a-0"})
            clock.ahead(minutes=5)

    assert [fields(r)["refresh_token"] for r in server.requests] == ["r-0", "r-0"]
    assert store.token is not None
    assert store.token.refresh is None


async def test_a_dead_refresh_token_is_reported_while_the_last_token_still_works() -> None:
    clock = Clock()
    clock.ahead(minutes=56)
    async with wire(answer(400, b'{"error": "invalid_grant"}')) as server:
        with pytest.raises(Reauthenticate):
            await oauth(AuthorizationCode, server, MemoryTokenStore(token()), clock).headers()


async def test_a_connection_that_was_never_made_says_how_to_make_it() -> None:
    async with wire(answer()) as server:
        with pytest.raises(Reauthenticate, match=r"never connected.*`ml-connector connect acme/zendesk`"):
            await oauth(AuthorizationCode, server, MemoryTokenStore()).headers()

    assert not server.requests


async def test_reconnecting_ends_the_quiet_time() -> None:
    clock, store = Clock(), MemoryTokenStore()
    async with wire(Issuer()) as server:
        auth = oauth(AuthorizationCode, server, store, clock)
        with pytest.raises(Reauthenticate):
            await auth.headers()
        store.token = token(7)
        clock.ahead(seconds=31)
        assert await bearer(auth) == "Bearer a-7"


async def test_a_refused_client_secret_says_which_to_set() -> None:
    async with wire(answer(401, b'{"error": "invalid_client"}')) as server:
        with pytest.raises(Reauthenticate, match="`ml-connector secret set acme/zendesk client_secret`"):
            await oauth(ClientCredentials, server, MemoryTokenStore()).headers()


async def test_a_wrong_token_address_is_a_mistake_in_the_configuration() -> None:
    async with wire(answer(404, b"<html>", kind="text/html")) as server:
        with pytest.raises(Misconfigured, match="404: check token_url"):
            await oauth(ClientCredentials, server, MemoryTokenStore()).headers()


@pytest.mark.parametrize(
    ("fault", "limits"),
    [
        (answer(503), {"tries": 3}),
        (reset, {"tries": 3}),
        (hang, {"tries": 1, "try_timeout": 2.0}),  # as long as it takes a busy machine to ask
        (answer(200, b"<html>", kind="text/html"), {"tries": 3}),
    ],
)
async def test_a_token_that_still_works_is_kept_while_the_token_endpoint_is_down(
    fault: Step, limits: dict[str, Any]
) -> None:
    clock, store = Clock(), MemoryTokenStore(token())
    clock.ahead(minutes=56)
    async with wire(fault) as server:
        auth = oauth(AuthorizationCode, server, store, clock, **limits)
        for _ in range(10):
            assert await bearer(auth) == "Bearer a-0"
        assert len(server.requests) == limits["tries"], "the tries of one renewal"
        clock.ahead(minutes=10)
        for _ in range(10):
            with pytest.raises(RetryLater) as caught:
                await auth.headers()
        assert not caught.value.maybe_applied
        assert len(server.requests) == 2 * limits["tries"]


async def test_a_refused_token_is_not_kept_while_the_token_endpoint_is_down() -> None:
    async with wire(answer(503)) as server:
        auth = oauth(AuthorizationCode, server, MemoryTokenStore(token()))
        await auth.headers()
        with pytest.raises(RetryLater):
            await auth.refuse({"Authorization": "Bearer a-0"})
