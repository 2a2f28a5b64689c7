"""A tenant, opened: its file, its database rows, its secrets, and clients of its systems."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from connectors.registry import system
from ml_connector.core import documents
from ml_connector.core.auth import build_auth
from ml_connector.core.credentials import PostgresTokenStore, get_secrets
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.hosts import HostPolicy
from ml_connector.core.http import HttpClient
from ml_connector.core.mapping import Mapping, compile_mapping, load_mapping
from ml_connector.core.rate import Limiter
from ml_connector.core.records import ReadsNew, Source
from ml_connector.core.refusals import require_usable
from ml_connector.core.routing import CONTEXT, Routing, rule_problems
from ml_connector.core.settings import Settings, settings
from ml_connector.core.system import System
from ml_connector.core.tenants import INTEGRATIONS, TenantConfig, load_tenant
from ml_connector.core.vault import MasterKeys, Vault
from tasks.documented import Documented, Mentioning
from tasks.hold_run import Guard
from tasks.stream import Route


class Workspace:
    """What a flow or a command needs of one tenant. Made by ``open_workspace``."""

    __slots__ = ("_clients", "_http", "config", "db", "guard", "limiter", "settings", "vault")

    def __init__(self, config: TenantConfig, db: Database, vault: Vault, with_settings: Settings) -> None:
        self.config = config
        self.db = db
        self.vault = vault
        self.settings = with_settings
        self.guard = Guard()
        self.limiter = Limiter(db)
        self._clients: dict[str, Any] = {}
        self._http: list[HttpClient] = []

    @property
    def tenant(self) -> str:
        return self.config.tenant

    def system_of(self, connection: str) -> System:
        return system(self.config.connections[connection].system)

    async def client(self, connection: str, *, even_if_refused: bool = False) -> Any:
        """The client of a connection, made once. Raises Disconnected for one that waits for a person, unless
        ``even_if_refused`` (a ping looks again)."""
        if connection not in self._clients:
            if not even_if_refused:
                await require_usable(self.db, self.tenant, connection)
            self._clients[connection] = await self._open(connection)
        return self._clients[connection]

    async def routes(self, integration: str, streams: Sequence[str], *, full: bool = False) -> list[Route]:
        """The wanted streams of an integration that the tenant has switched on, in the order given.

        ``full``: to be read from their beginning.
        """
        config = self.config.integrations.get(integration)
        if config is None or not config.enabled:
            raise Misconfigured(f"tenant {self.tenant} has not switched on {integration} in its file")
        ends = self._ends(integration)
        routes = []
        for name in streams:
            stream = config.streams.get(name)
            if stream is None or not stream.enabled:
                continue
            mapping, key = self.mapping(integration, name), f"{integration}/{name}"
            # some streams run back, from the destination of the integration to its source
            reads, writes = (system(model.partition(".")[0]) for model in (mapping.source, mapping.target))
            source, destination = await self._end(ends, reads.name, key), await self._end(ends, writes.name, key)
            routes.append(
                Route(
                    name,
                    key,
                    source=await self._joined(
                        _opened(reads, _model(mapping.source), source, new_only=stream.new_only), key
                    ),
                    mapping=mapping,
                    destination=writes.destinations[_model(mapping.target)](destination, mapping),
                    links={field: f"{integration}/{entity}" for field, entity in mapping.links.items()},
                    backlinks={field: f"{integration}/{entity}" for field, entity in mapping.backlinks.items()},
                    neighbours=self._neighbours(integration, ends[reads.name]) if mapping.backlinks else (),
                    references=self._references(integration, writes),
                    lookback=None if full else stream.lookback,
                    delay=stream.delay,
                    start_from=stream.start_from,
                    routing=Routing(config.routing, config.digest_above) if INTEGRATIONS[integration].routed else None,
                    address=partial(writes.address, destination, _model(mapping.target)),
                )
            )
        return routes

    async def ensure_fields(self, integration: str, stream: str, *, preview: bool = False) -> list[str]:
        """Create the custom fields that a stream writes and its destination lacks; returns what was created.

        In a ``preview`` nothing is: what would be is returned, and the clients take it for there.
        """
        mapping = self.mapping(integration, stream)
        writes = system(mapping.target.partition(".")[0])
        if not mapping.custom_fields:
            return []
        client = await self._end(self._ends(integration), writes.name, f"{integration}/{stream}")
        return await writes.ensure_fields(client, mapping.custom_fields, preview=preview)

    def models_in_use(self, connection: str) -> set[str]:
        """The models of a connection's system that the tenant's streams read or write."""
        system_name = self.system_of(connection).name
        return {
            _model(model)
            for name, integration in self.config.integrations.items()
            if integration.enabled and connection in (integration.source, integration.destination)
            for stream, its in integration.streams.items()
            if its.enabled
            for mapping in [self.mapping(name, stream)]
            for model in (mapping.source, mapping.target)
            if model.partition(".")[0] == system_name
        }

    def _neighbours(self, integration: str, connection: str) -> list[str]:
        """The streams of the other integrations that write into the account of this connection."""
        connections = self.config.connections
        return [
            f"{name}/{stream}"
            for name, its in self.config.integrations.items()
            if name != integration and connections[its.destination].account == connections[connection].account
            for stream in its.streams
        ]

    def _references(self, integration: str, writes: System) -> list[str]:
        """The streams of the integration that bring what others name into the system that it writes."""
        if not writes.references:
            return []
        targets = {
            name: self.mapping(integration, name).target for name in self.config.integrations[integration].streams
        }
        wanted = {f"{writes.name}.{model}" for model in writes.references}
        return [f"{integration}/{name}" for name, target in targets.items() if target in wanted]

    async def _end(self, ends: dict[str, str], name: str, key: str) -> Any:
        """The client of a system, which is one of the two ends or what is kept here."""
        return await self._documents(key) if name == documents.SYSTEM else await self.client(ends[name])

    async def _documents(self, key: str) -> documents.Documents:
        sealer = await self.vault.sealer(self.tenant, "body")
        return documents.Documents(self.db, sealer, self.tenant, key, lambda: self.guard.lease)

    async def _joined(self, source: Source, key: str) -> Source:
        """The source; of tickets that name documents, with these."""
        if not isinstance(source, Mentioning):
            return source
        return Documented(source, await self._documents(key))

    def _ends(self, integration: str) -> dict[str, str]:
        """The two connections of an integration, by their systems."""
        config = self.config.integrations[integration]
        return {self.system_of(name).name: name for name in (config.source, config.destination)}

    def told_of(self, integration: str, stream: str) -> tuple[str, str] | None:
        """The connection whose vendor tells of this stream's objects by webhook, and what events call these; None if
        none does."""
        model = self.mapping(integration, stream).source
        reads = system(model.partition(".")[0])
        objects = getattr(reads.sources[_model(model)], "objects", None)
        if reads.webhook is None or objects is None:
            return None
        return self._ends(integration)[reads.name], objects

    def is_heard(self, connection: str) -> bool:
        """Whether the vendor is to tell us of the account of this connection."""
        return self.system_of(connection).is_heard(connector_settings(self.config, connection))

    def mapping(self, integration: str, stream: str) -> Mapping:
        """The shipped mapping of a stream with the tenant's overlay, checked against both systems' models."""
        return stream_mapping(self.config, integration, stream, self.settings.mappings_dir)

    async def aclose(self) -> None:
        for http in self._http:
            await http.aclose()

    async def _open(self, connection: str) -> Any:
        named = f"{self.tenant}/{connection}"
        config, made_by = self.config.connections[connection], self.system_of(connection)
        own = connector_settings(self.config, connection)
        hosts = HostPolicy(made_by.hosts, allow_private=self.settings.allow_private_hosts)
        secrets = await get_secrets(self.db, self.vault, self.tenant, connection)
        store = PostgresTokenStore(self.db, self.vault, self.tenant, connection)
        http = HttpClient(
            vendor=made_by.name,
            origin=str(config.settings.get("origin", "")),
            auth=build_auth(config.auth, secrets, store, hosts, named, made_by.oauth_errors),
            hosts=hosts,
            explain=made_by.explain,
            request_id_headers=made_by.request_id_headers,
            limiter=self.limiter,
            guard=self.guard,
            status=made_by.status,
            try_timeout=made_by.try_timeout,
        )
        self._http.append(http)
        return made_by.client(http, own)


@asynccontextmanager
async def open_workspace(tenant: str) -> AsyncIterator[Workspace]:
    """Open a tenant by name. Raises Misconfigured when its file, the database or the master key is not in order."""
    with_settings = settings()
    if not with_settings.database_url:
        raise Misconfigured("there is no database: set ML_CONNECTOR_DATABASE_URL, or start the demo's with `make demo`")
    file = with_settings.tenants_dir / f"{tenant}.yaml"
    if not file.is_file():
        raise Misconfigured(f"there is no tenant {tenant}: {file.name} is not in {with_settings.tenants_dir.name}/")
    config = load_tenant(file)
    master = MasterKeys.load(with_settings)
    async with Database(with_settings.database_url) as db:
        vault = Vault(db, master)
        await vault.check()
        workspace = Workspace(config, db, vault, with_settings)
        try:
            yield workspace
        finally:
            await workspace.aclose()


def connector_settings(config: TenantConfig, connection: str) -> BaseModel:
    """The settings of a connection as its connector knows them. Raises Misconfigured with a line per problem."""
    its = config.connections[connection]
    try:
        return system(its.system).settings.model_validate(its.settings)
    except Misconfigured as error:
        raise Misconfigured(f"{config.tenant}: connections.{connection}.system: {error.message}") from None
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        places = [".".join([f"connections.{connection}", *map(str, one["loc"])]) for one in found]
        lines = [f"{config.tenant}: {place}: {one['msg']}" for place, one in zip(places, found, strict=True)]
        raise Misconfigured("\n".join(lines)) from None


def stream_mapping(config: TenantConfig, integration: str, stream: str, folder: Path) -> Mapping:
    """The mapping ``folder/<integration>/<stream>.yaml`` with the tenant's overlay, checked against both models."""
    spec = load_mapping(
        folder / integration / f"{stream}.yaml", config.integrations[integration].streams[stream].mapping
    )
    source, routed = _find_model(spec.source), INTEGRATIONS[integration].routed
    mapping = compile_mapping(spec, source, _find_model(spec.target), CONTEXT if routed else ())
    if problems := list(rule_problems(config.integrations[integration].routing, stream, source)):
        raise Misconfigured("\n".join(f"{config.tenant}.yaml: integrations.{integration}.{one}" for one in problems))
    return mapping


def _find_model(name: str) -> Any:
    where, _, model = name.partition(".")
    models = system(where).models
    if model not in models:
        raise Misconfigured(f"{where} has no model {model}; it has: {', '.join(sorted(models))}")
    return models[model]


def _opened(reads: System, model: str, client: Any, *, new_only: bool) -> Source:
    source = reads.sources[model](client)
    if not new_only:
        return source
    if not isinstance(source, ReadsNew):
        raise Misconfigured(f"{reads.name}.{model} cannot be read by creation: take new_only out of its stream")
    return source.new_only()


def _model(name: str) -> str:
    return name.partition(".")[2]
