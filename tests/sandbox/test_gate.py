"""The shared faults over real TCP: what the emulator did and what the caller saw are different things."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ml_connector.sandbox.serve import SandboxThread, sandbox_process
from ml_connector.sandbox.world import World


class Shop:
    """The smallest vendor: things can be put on a shelf."""

    system = "shop"
    faults = frozenset({"closed"})

    def __init__(self, world: World) -> None:
        self.world = world
        self.reset()

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/things/{thing}", self.put, methods=["PUT"])]

    async def put(self, request: Request) -> Response:
        thing = request.path_params["thing"]
        size = len(await request.body())
        self.shelf.append(thing)
        self.world.effect(self.system, "put", thing, "r1", size=size)
        return PlainTextResponse("on the shelf", 201)

    def reset(self) -> None:
        self.shelf: list[str] = []
        self.expired = 0

    def configure(self, settings: dict[str, Any]) -> None:
        raise ValueError(f"no setting {', '.join(settings)}")

    def expire_tokens(self) -> None:
        self.expired += 1

    def seed(self, collection: str, count: int, seed: int) -> int:  # noqa: ARG002
        self.shelf += [f"{collection}{n}" for n in range(count)]
        return count

    def state(self, collection: str) -> list[dict[str, Any]]:
        return {"things": [{"name": thing} for thing in self.shelf]}[collection]

    def mutate(self, collection: str, change: dict[str, Any]) -> list[str]:  # noqa: ARG002
        return list(change["keys"])


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxThread]:
    with SandboxThread(emulators=(Shop,)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: SandboxThread) -> SandboxThread:
    running.reset()
    return running


@pytest.fixture
def client(sandbox: SandboxThread) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.base_url) as client:
        yield client


def fault(client: httpx.Client, **rule: Any) -> None:
    client.post("/_sandbox/faults", json={"system": "shop", **rule}).raise_for_status()


def put(client: httpx.Client, thing: str = "cup") -> httpx.Response:
    return client.put(f"/shop/things/{thing}", content=b"x" * 200_000)


def applied(sandbox: SandboxThread) -> list[str]:
    return [effect.key for effect in sandbox.world.effects]


@pytest.mark.parametrize(
    ("fault_name", "carried_out"),
    [("lose_response", ["cup"]), ("reset", [])],
)
def test_a_cut_connection_gives_no_answer(
    sandbox: SandboxThread, client: httpx.Client, fault_name: str, carried_out: list[str]
) -> None:
    fault(client, fault=fault_name, times=1)
    with pytest.raises(httpx.TransportError):
        put(client)

    assert applied(sandbox) == carried_out
    assert put(client, "mug").status_code == 201


def test_answers_tell_the_time_of_the_answer(client: httpx.Client) -> None:
    for _ in range(14):  # a date that is renewed once a second is wrong for most of these
        before = datetime.now(UTC).replace(microsecond=0)
        told = parsedate_to_datetime(put(client).headers["date"])
        assert before <= told <= datetime.now(UTC)
        time.sleep(0.1)


def test_half_an_answer_after_the_effect(sandbox: SandboxThread, client: httpx.Client) -> None:
    fault(client, fault="truncate", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        put(client)

    assert applied(sandbox) == ["cup"]


def test_answers_in_the_vendors_stead(sandbox: SandboxThread, client: httpx.Client) -> None:
    fault(client, fault="status", times=1, status=429, retry_after=7, body={"error": "TooMany"})
    fault(client, fault="html", path="/things/h*")
    fault(client, fault="apply_then_status", path="/things/a*", status=500)

    limited = put(client)
    assert (limited.status_code, limited.headers["retry-after"], limited.json()) == (429, "7", {"error": "TooMany"})
    assert "<html" in put(client, "hat").text
    assert put(client, "axe").status_code == 500
    assert applied(sandbox) == ["axe"]


def test_every_third_request_with_the_token_expired(sandbox: SandboxThread, client: httpx.Client) -> None:
    fault(client, fault="expire_token", every=3, times=2)
    shop = sandbox.emulators["shop"]
    assert isinstance(shop, Shop)
    expired = []
    for _ in range(10):
        put(client)
        expired.append(shop.expired)

    assert expired == [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
    rules = client.get("/_sandbox/faults").json()["faults"]
    assert [(rule["fault"], rule["hits"]) for rule in rules] == [("expire_token", 2)]


def test_the_control_interface_counts_and_shows(client: httpx.Client) -> None:
    assert client.post("/_sandbox/seed", json={"system": "shop", "collection": "pan", "count": 2}).json() == {
        "count": 2
    }
    put(client, "pot")
    fault(client, fault="reset", times=1)
    with pytest.raises(httpx.TransportError):
        put(client, "jug")

    effects = client.get("/_sandbox/effects", params={"since": 0, "kind": "put"}).json()
    assert [(one["key"], one["detail"]) for one in effects["effects"]] == [("pot", {"size": 200_000})]
    assert client.get("/_sandbox/effects", params={"since": effects["last"]}).json()["effects"] == []
    shelf = client.get("/_sandbox/state/shop/things").json()["objects"]
    assert [thing["name"] for thing in shelf] == ["pan0", "pan1", "pot"]
    counts = client.get("/_sandbox/requests").json()["counts"]
    assert {(one["route"], one["status"]): one["count"] for one in counts} == {
        ("/things/{thing}", 201): 1,
        ("/things/jug", 0): 1,
    }


@pytest.mark.parametrize(
    "rule",
    [{"fault": "no_such_fault"}, {"fault": "reset", "system": "no_such_system"}, {"times": 3}],
)
def test_a_mistaken_fault_is_refused(client: httpx.Client, rule: dict[str, Any]) -> None:
    """A misspelt fault would make a test pass for nothing."""
    assert client.post("/_sandbox/faults", json={"system": "shop", **rule}).status_code == 400


def test_a_process_of_its_own() -> None:
    with sandbox_process() as base_url:
        assert httpx.get(f"{base_url}/_sandbox/effects").json() == {"effects": [], "last": 0}
