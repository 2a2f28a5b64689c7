"""Tokens are kept and renewed in time, and by one process only. The token endpoint is real HTTP."""

from __future__ import annotations

import asyncio

import pytest

from ml_connector.core.grants import AuthorizationCode, ClientCredentials
from ml_connector.core.oauth_token import Token
from ml_connector.core.secret import Secret
from tests.core.issuer import Clock, Issuer, MemoryTokenStore, bearer, fields, oauth, token
from tests.core.wire import answer, wire


@pytest.mark.parametrize(
    ("lifetime", "fresh_until"),
    [(3600, 3300), (601, 301), (600, 300), (300, 150), (60, 30)],
)
async def test_a_token_is_renewed_5_minutes_early_or_at_half_of_a_short_life(lifetime: int, fresh_until: int) -> None:
    clock = Clock()
    async with wire(Issuer(expires_in=lifetime)) as server:
        auth = oauth(ClientCredentials, server, MemoryTokenStore(), clock)
        await bearer(auth)
        clock.ahead(seconds=fresh_until - 1)
        assert await bearer(auth) == "Bearer a-1"
        clock.ahead(seconds=1)
        assert await bearer(auth) == "Bearer a-2"


@pytest.mark.parametrize("body", [b'{"access_token": "a-1"}', b'{"access_token": "a-1", "expires_in": null}'])
async def test_a_token_without_a_lifetime_does_not_expire(body: bytes) -> None:
    clock = Clock()
    async with wire(answer(body=body)) as server:
        auth = oauth(ClientCredentials, server, MemoryTokenStore(), clock)
        await bearer(auth)
        clock.ahead(days=9999)
        await bearer(auth)

    assert len(server.requests) == 1


async def test_a_rotated_refresh_token_is_stored_before_the_new_token_is_used() -> None:
    clock, store = Clock(), MemoryTokenStore(token())
    clock.ahead(hours=2)
    async with wire(Issuer()) as server:
        auth = oauth(AuthorizationCode, server, store, clock)
        assert await bearer(auth) == "Bearer a-1"
        assert store.token is not None
        assert store.token.refresh == Secret("r-1")
        clock.ahead(hours=2)
        assert await bearer(auth) == "Bearer a-2"

    assert [fields(r)["refresh_token"] for r in server.requests] == ["r-0", "r-1"]


async def test_a_token_that_could_not_be_stored_is_not_used() -> None:
    class Broken(MemoryTokenStore):
        async def save(self, token: Token) -> None:  # noqa: ARG002
            raise OSError("disk full")

    async with wire(Issuer()) as server:
        auth = oauth(ClientCredentials, server, Broken())
        for _ in range(2):
            with pytest.raises(OSError, match="disk full"):
                await auth.headers()


async def test_a_refresh_token_is_kept_where_the_vendor_sends_no_new_one() -> None:
    store = MemoryTokenStore(token())
    async with wire(answer(body=b'{"access_token": "a-1", "expires_in": "3600"}')) as server:
        auth = oauth(AuthorizationCode, server, store)
        await auth.refuse({"Authorization": "Bearer a-0"})

    assert store.token is not None
    assert store.token.refresh == Secret("r-0")


async def test_many_tasks_of_many_processes_renew_once() -> None:
    clock, store = Clock(), MemoryTokenStore(token())
    clock.ahead(hours=2)
    async with wire(Issuer(delay=0.02)) as server:
        processes = [oauth(AuthorizationCode, server, store, clock) for _ in range(4)]
        got = await asyncio.gather(*(bearer(auth) for auth in processes for _ in range(10)))

    assert set(got) == {"Bearer a-1"}
    assert (len(server.requests), store.saves, store.locks) == (1, 1, 4)


async def test_many_tasks_of_many_processes_are_refused_and_renew_once() -> None:
    store = MemoryTokenStore(token())
    async with wire(Issuer(delay=0.02)) as server:
        processes = [oauth(AuthorizationCode, server, store) for _ in range(4)]
        await asyncio.gather(*(bearer(auth) for auth in processes))
        await asyncio.gather(*(auth.refuse({"Authorization": "Bearer a-0"}) for auth in processes for _ in range(10)))
        got = {await bearer(auth) for auth in processes}

    assert got == {"Bearer a-1"}
    assert len(server.requests) == 1


async def test_a_late_refusal_of_an_old_token_does_not_renew_the_new_one() -> None:
    store = MemoryTokenStore(token())
    async with wire(Issuer()) as server:
        slow, fast = (oauth(AuthorizationCode, server, store) for _ in range(2))
        refused = await slow.headers()
        await fast.refuse(await fast.headers())
        await slow.refuse(refused)
        assert await bearer(slow) == "Bearer a-1"

    assert len(server.requests) == 1


async def test_a_cancelled_caller_does_not_lose_the_new_refresh_token() -> None:
    store = MemoryTokenStore(token())
    async with wire(Issuer(delay=0.1)) as server:
        auth = oauth(AuthorizationCode, server, store)
        caller = asyncio.create_task(auth.refuse({"Authorization": "Bearer a-0"}))
        await asyncio.sleep(0.05)
        caller.cancel()
        assert await asyncio.gather(caller, return_exceptions=True)
        await auth.refuse({"Authorization": "Bearer a-0"})
        assert await bearer(auth) == "Bearer a-1"

    assert len(server.requests) == 1
