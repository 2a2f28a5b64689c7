"""Where events wait a flow run is asked for, once at a time, whatever Prefect or we have been through."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.states import Completed

from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.lease import leased
from ml_connector.core.listeners import bells, listen
from ml_connector.receiver.doorbell import Doorbell
from ml_connector.receiver.flow_runs import RunState
from ml_connector.receiver.flow_runs import prefect as prefects_api
from ml_connector.receiver.metrics import Metrics
from tests.receiver.running import DEPLOYMENT, STREAM, ReceiverThread, add_connection, sender, until


class FakePrefect:
    """Prefect's rule for keys: the same key in the same flow is the same run."""

    def __init__(self) -> None:
        self.by_key: dict[str, UUID] = {}
        self.states: dict[UUID, RunState] = {}
        self.calls: list[tuple[str, str]] = []
        self.down = False
        self.refused = ""
        """A deployment of which it takes no run."""

    async def create(self, deployment: str, key: str) -> UUID:
        if self.down:
            raise ConnectionError("no Prefect")
        if deployment == self.refused:
            raise Misconfigured("409")
        self.calls.append((deployment, key))
        if key not in self.by_key:
            self.by_key[key] = uuid4()
            self.states[self.by_key[key]] = RunState(StateType.SCHEDULED, 0)
        return self.by_key[key]

    async def state(self, flow_run_id: UUID) -> RunState | None:
        if self.down:
            raise ConnectionError("no Prefect")
        return self.states.get(flow_run_id)

    def all_are(self, kind: StateType, seconds: float = 0) -> None:
        self.states = dict.fromkeys(self.states, RunState(kind, seconds))

    @property
    def runs(self) -> int:
        return len(self.by_key)


@pytest.fixture
def prefect() -> FakePrefect:
    return FakePrefect()


@pytest.fixture
def bell(database: Database, prefect: FakePrefect) -> Doorbell:
    return Doorbell(database, prefect, Metrics())


async def store(database: Database, *event_ids: str, stream: str = STREAM, tenant: str = "acme") -> None:
    async with database.tenant(tenant) as conn:
        for event_id in event_ids:
            await conn.execute(
                "insert into inbox (tenant, stream, connection, event_id, kind, object_key, envelope) "
                "values (mlc_tenant(), %s, 'desk', %s, 'ticket.changed', 'ticket:1', '')",
                (stream, event_id),
            )


async def settle(database: Database, event_id: str) -> None:
    async with database.tenant("acme") as conn:
        await conn.execute("update inbox set state = 'done' where event_id = %s", (event_id,))


async def a_while_passes(database: Database, seconds: float = 3600) -> None:
    """So many since the last ring, however long it has been."""
    async with database.tenant("acme") as conn:
        await conn.execute("update listener set rung_at = clock_timestamp() - %s * interval '1 s'", (seconds,))


@pytest.mark.usefixtures("token")
async def test_one_run_is_asked_for_until_it_has_ended(
    database: Database, bell: Doorbell, prefect: FakePrefect
) -> None:
    await bell.sweep()
    assert prefect.runs == 0
    await store(database, "e1", "e2")
    for state in (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING):
        await bell.sweep()
        prefect.all_are(state, 5)
        await a_while_passes(database)
    assert prefect.calls == [(DEPLOYMENT, f"acme/{STREAM}/1/1")]

    await settle(database, "e1")
    prefect.all_are(StateType.COMPLETED)
    await bell.sweep()  # e2 came when that run had looked for the last time

    assert prefect.calls[1:] == [(DEPLOYMENT, f"acme/{STREAM}/2/2")]
    await settle(database, "e2")
    prefect.all_are(StateType.COMPLETED)
    await bell.sweep()
    assert prefect.runs == 2


@pytest.mark.usefixtures("token")
async def test_streams_that_one_deployment_runs_are_rung_for_once(
    database: Database, bell: Doorbell, prefect: FakePrefect
) -> None:
    await listen(database, "acme", "oracle_zendesk/other", "desk", DEPLOYMENT)
    await store(database, "e1")
    await store(database, "e1", stream="oracle_zendesk/other")
    await bell.sweep()
    assert prefect.runs == 1


@pytest.mark.usefixtures("token")
async def test_runs_that_leave_the_oldest_event_where_it_is_are_asked_for_ever_more_seldom(
    database: Database, bell: Doorbell, prefect: FakePrefect
) -> None:
    await store(database, "e1")
    await bell.sweep()
    asked: list[int] = []
    for _ in range(4):
        prefect.all_are(StateType.FAILED)
        seconds = 0
        while prefect.runs == len(asked) + 1:
            seconds += 5
            await a_while_passes(database, seconds)
            await bell.sweep()
        asked.append(seconds)

    assert asked == [15, 30, 60, 120]


@pytest.mark.usefixtures("token")
async def test_what_waits_behind_an_event_that_was_put_off_is_not_rung_for_and_hides_no_other(
    database: Database, bell: Doorbell, prefect: FakePrefect
) -> None:
    await store(database, "a1", "a2")  # of one object
    async with database.tenant("acme") as conn:
        await conn.execute("update inbox set due_at = now() + interval '1 hour' where event_id = 'a1'")
    await bell.sweep()
    assert prefect.runs == 0, "no run would take anything"
    await store(database, "b1")
    async with database.tenant("acme") as conn:
        await conn.execute("update inbox set object_key = 'ticket:2' where event_id = 'b1'")

    await bell.sweep()

    assert [key for _, key in prefect.calls] == [f"acme/{STREAM}/3/1"]


@pytest.mark.usefixtures("token")
async def test_a_run_whose_process_was_killed_is_replaced_and_one_at_work_is_not(
    database: Database, bell: Doorbell, prefect: FakePrefect
) -> None:
    await store(database, "e1")
    await bell.sweep()
    await a_while_passes(database)
    prefect.all_are(StateType.RUNNING, 3600)
    async with leased(database, "acme", [STREAM], holder="the run", ttl=30):
        await bell.sweep()
    assert prefect.runs == 1

    await bell.sweep()

    assert prefect.runs == 2


@pytest.mark.usefixtures("token")
async def test_a_prefect_that_is_away_or_has_lost_its_database_loses_nothing(
    database: Database, bell: Doorbell, prefect: FakePrefect
) -> None:
    prefect.down = True
    await store(database, "e1")
    await bell.sweep()
    await bell.sweep()
    prefect.down = False
    await bell.sweep()
    assert [key for _, key in prefect.calls] == [f"acme/{STREAM}/1/1"]

    prefect.states.clear()
    prefect.by_key.clear()
    await a_while_passes(database)
    await bell.sweep()

    assert prefect.runs == 1


@pytest.mark.usefixtures("token")
async def test_a_deployment_that_prefect_refuses_holds_up_no_other_tenant(
    database: Database, bell: Doorbell, prefect: FakePrefect
) -> None:
    await add_connection(database, "globex")
    for tenant in ("acme", "globex"):
        await store(database, "e1", tenant=tenant)
    prefect.refused = DEPLOYMENT
    await bell.sweep()
    assert [deployment for deployment, _ in prefect.calls] == [DEPLOYMENT.replace("acme", "globex")]

    prefect.refused = ""
    await bell.sweep()

    assert prefect.runs == 2


@pytest.mark.usefixtures("token")
async def test_a_ring_that_died_half_way_leads_to_the_same_run(
    database: Database, bell: Doorbell, prefect: FakePrefect
) -> None:
    await store(database, "e1")
    await bell.sweep()
    async with database.tenant("acme") as conn:
        await conn.execute("update listener set flow_run_id = null")  # it was asked for, and not written down

    await bell.sweep()

    assert len(prefect.calls) == 2
    assert prefect.runs == 1


@pytest.mark.usefixtures("token")
async def test_two_receivers_ask_for_one_run(database: Database, bell: Doorbell, prefect: FakePrefect) -> None:
    await store(database, "e1")
    seen = await bells(database, "acme")

    await asyncio.gather(*[bell.knock(each) for each in seen * 5])

    assert prefect.runs == 1


async def test_a_delivery_rings_at_once_and_a_restarted_receiver_rings_for_what_was_left(
    database: Database, prefect: FakePrefect
) -> None:
    token = await add_connection(database)
    with ReceiverThread(database.url, flow_runs=prefect) as receiver:
        async with sender(receiver.url, token) as zendesk:
            prefect.down = True
            assert await zendesk.send(1) == 200
    prefect.down = False
    with ReceiverThread(database.url, flow_runs=prefect) as receiver:
        await until(lambda: prefect.runs == 1)
        prefect.all_are(StateType.RUNNING)
        async with sender(receiver.url, token) as zendesk:
            assert await zendesk.send(2) == 200
            await settle(database, f"invocation:01HANA{1:020d}")
            prefect.all_are(StateType.COMPLETED)  # too early for number 2
            await until(lambda: prefect.runs == 2)


async def test_prefect_itself_keeps_the_rules_that_the_doorbell_counts_on() -> None:
    from prefect.testing.utilities import prefect_test_harness  # all of the server: two seconds for who imports it

    with prefect_test_harness(server_startup_timeout=120):
        async with get_client() as client, prefects_api() as flow_runs:
            assert flow_runs is not None
            flow_id = await client.create_flow_from_name("oracle-zendesk-log-ticket-events")
            for tenant in ("acme", "globex"):
                await client.create_deployment(flow_id=flow_id, name=tenant, parameters={"tenant": tenant})

            first = await flow_runs.create(DEPLOYMENT, "acme/1")
            assert await flow_runs.create(DEPLOYMENT, "acme/1") == first
            assert await flow_runs.create(DEPLOYMENT, "acme/2") != first
            # why the tenant is in the key
            assert await flow_runs.create("oracle-zendesk-log-ticket-events/globex", "acme/1") == first

            state = await flow_runs.state(first)
            assert state is not None
            assert state.type is StateType.SCHEDULED
            assert state.seconds < 60
            run = await client.read_flow_run(first)
            assert run.parameters == {"tenant": "acme"}
            await client.set_flow_run_state(first, Completed(), force=True)
            ended = await flow_runs.state(first)
            assert ended is not None
            assert ended.type is StateType.COMPLETED
            await client.delete_flow_run(first)
            assert await flow_runs.state(first) is None

            for pool in ("old", "new"):
                await client.create_work_pool(WorkPoolCreate(name=pool))
                await client.create_deployment(flow_id=flow_id, name="moved", work_pool_name=pool)
                moved = await flow_runs.create("oracle-zendesk-log-ticket-events/moved", "in the old pool")
                left = await flow_runs.state(moved)
                assert (left is None) == (pool == "new"), "it waits where nobody looks for it"

            schema = {"type": "object", "properties": {"tenant": {"type": "string"}}, "required": ["tenant"]}
            await client.create_deployment(  # somebody has emptied its parameters
                flow_id=flow_id, name="odd", parameter_openapi_schema=schema, enforce_parameter_schema=True
            )
            with pytest.raises(Misconfigured, match=r"no run of oracle-zendesk-log-ticket-events/odd \(4\d\d\)"):
                await flow_runs.create("oracle-zendesk-log-ticket-events/odd", "x")
            with pytest.raises(Misconfigured, match="no deployment oracle-zendesk-log-ticket-events/nobody"):
                await flow_runs.create("oracle-zendesk-log-ticket-events/nobody", "x")
