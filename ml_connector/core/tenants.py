"""Tenants: whose systems are joined, when, and how. One YAML file each, over ``defaults.yaml``; never a secret.

How to write one: ``tenants/README.md``.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ml_connector.core.errors import Misconfigured
from ml_connector.core.tenant_config import (
    INTEGRATIONS,
    Connection,
    IntegrationConfig,
    Pair,
    RejectThreshold,
    StreamConfig,
    TenantConfig,
)
from ml_connector.core.tenant_file import Data, fill_in, lay_over_defaults, secrets_in
from ml_connector.core.yamlx import Place, check, read_yaml

__all__ = [
    "INTEGRATIONS",
    "Connection",
    "IntegrationConfig",
    "RejectThreshold",
    "StreamConfig",
    "TenantConfig",
    "check_prefixes",
    "load_tenant",
    "load_tenants",
    "stagger",
    "without_sandbox",
]

_ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)


def load_tenant(path: Path, defaults: Path | None = None) -> TenantConfig:
    """Read one tenant's file. ``defaults``: the file below it; by default ``defaults.yaml`` beside it, if there is one.

    Raises Misconfigured with one line per problem: the file, the place in it, what is wrong and what to do.
    """
    below = defaults or path.with_name("defaults.yaml")
    shared = read_yaml(below) if defaults or below.is_file() else {}
    mine = read_yaml(path)
    _refuse([f"{below}: {line}" for line in secrets_in(shared, path.stem)])
    _refuse([f"{path}: {line}" for line in secrets_in(mine, path.stem)])
    merged = lay_over_defaults(shared, mine)
    problems = [*_unknown_names(merged.get("integrations"))]
    if isinstance(merged.get("connections"), dict):
        merged["connections"] = fill_in(merged["connections"], problems)
    _refuse([f"{path}: {line}" for line in problems])
    config = check(TenantConfig, merged, _owner(path, mine, below, shared))
    _refuse([f"{path}: {line}" for line in _mismatches(config, path.stem)])
    return config


def load_tenants(folder: Path) -> list[TenantConfig]:
    """Every tenant of the folder, by name, but for those of `without_sandbox`.

    Raises Misconfigured; also when two would collide (`check_prefixes`).
    """
    left_out = without_sandbox(folder)
    tenants = [load_tenant(path) for path in _files(folder) if path.stem not in left_out]
    check_prefixes(tenants)
    return tenants


def without_sandbox(folder: Path) -> list[str]:
    """Names of the tenants all of whose vendors the sandbox plays, where none runs: there they do not count."""
    if os.environ.get("SANDBOX_URL"):
        return []
    return [path.stem for path in _files(folder) if _is_played(read_yaml(path).get("connections"))]


def _is_played(connections: Any) -> bool:
    its = connections.values() if isinstance(connections, dict) else ()
    return bool(its) and all("${SANDBOX_URL}" in str(one) for one in its)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():  # no tenants at all would be something else: then everything is taken down
        raise Misconfigured(f"{folder} is no folder: ML_CONNECTOR_TENANTS_DIR names that of the tenant files")
    return sorted(path for path in folder.glob("*.yaml") if path.name != "defaults.yaml")


def check_prefixes(tenants: Iterable[TenantConfig]) -> None:
    """Two integrations that write into one account must not claim the same external ids (`Pair.named`).

    Raises Misconfigured unless each of them uses a connection with an ``external_id_prefix`` of its own.
    """
    writers: dict[tuple[object, ...], dict[str, str]] = {}
    for tenant in tenants:
        for name, integration in tenant.integrations.items():
            stream = integration.streams.get(INTEGRATIONS[name].named)
            if integration.enabled and stream is not None and stream.enabled:
                target = tenant.connections[integration.destination]
                prefix = str(target.settings.get("external_id_prefix", ""))
                writers.setdefault(target.account, {})[f"{tenant.tenant}/{name}"] = prefix
    for account, prefixes in writers.items():
        uses = Counter(prefixes.values())
        clashing = [name for name, prefix in prefixes.items() if uses[prefix] > 1 or (not prefix and len(prefixes) > 1)]
        if clashing:
            raise Misconfigured(
                f"{' and '.join(clashing)}: others write organizations into {account[1]}, too, and the ids of two ERPs "
                "may be the same. Give each a connection of its own with an external_id_prefix that no other has, such "
                "as oracle-"
            )


def stagger(tenant: str, every: timedelta) -> datetime:
    """The anchor of a tenant's schedule: tenants with the same interval begin at different moments of it."""
    spread = int.from_bytes(hashlib.sha256(tenant.encode()).digest()[:8])
    return _ANCHOR + timedelta(seconds=spread % int(every.total_seconds()))


def _refuse(lines: list[str]) -> None:
    if lines:
        raise Misconfigured("\n".join(lines))


def _owner(path: Path, mine: Data, below: Path, shared: Data) -> Callable[[Place], Path]:
    """Tells which of the two files a wrong setting is to be corrected in."""

    def holds(data: Any, place: Place) -> bool:
        for part in place:
            if not isinstance(data, dict) or part not in data:
                return False
            data = data[part]
        return True

    return lambda place: below if holds(shared, place) and not holds(mine, place) else path


def _unknown_names(integrations: Any) -> Iterator[str]:
    """Before anything else is asked of them: what stands below a misspelt name would be blamed in its place."""
    for name, its in integrations.items() if isinstance(integrations, dict) else ():
        if name not in INTEGRATIONS:
            yield f"integrations.{name}: there is no such integration. There are: {', '.join(INTEGRATIONS)}"
            continue
        streams, known = its.get("streams") if isinstance(its, dict) else None, INTEGRATIONS[name].streams
        for stream in streams if isinstance(streams, dict) else ():
            if stream not in known:
                yield f"integrations.{name}.streams.{stream}: no such stream. There are: {', '.join(known)}"


def _mismatches(config: TenantConfig, stem: str) -> Iterator[str]:
    """What no single setting shows: names that must agree."""
    if config.tenant != stem:
        yield f"tenant: it is {config.tenant}, but the file is named {stem}.yaml. Make them the same"
    for name, integration in config.integrations.items():
        pair = INTEGRATIONS[name]
        for role, wanted in (("source", pair.source), ("destination", pair.destination)):
            yield from _connection_problems(config, f"integrations.{name}.{role}", getattr(integration, role), wanted)
        yield from _routing_problems(config, f"integrations.{name}.routing", integration, pair)


def _connection_problems(config: TenantConfig, place: str, name: str, system: str) -> Iterator[str]:
    connection = config.connections.get(name)
    if connection is None:
        yield f"{place}: there is no connection {name}. There are: {', '.join(config.connections)}"
    elif connection.system != system:
        yield f"{place}: {name} is a connection to {connection.system}. Name one to {system}"


def _routing_problems(config: TenantConfig, place: str, integration: IntegrationConfig, pair: Pair) -> Iterator[str]:
    if integration.routing and not pair.routed:
        yield f"{place}: nothing is routed to {pair.destination}. Take it out"
        return
    connection = config.connections.get(integration.destination)
    channels = list((connection.settings.get("channels") if connection else None) or ())
    names = [rule.name for rule in integration.routing]
    for n, rule in enumerate(integration.routing):
        if rule.name in names[:n]:
            yield f"{place}.{n}.name: there is a rule {rule.name} already. Give it another name"
        for channel in rule.to:
            if channel not in channels:
                yield (
                    f"{place}.{n}.to: the connection {integration.destination} names no channel {channel}. "
                    f"It has: {', '.join(channels) or 'none'}"
                )
        for stream in set(rule.streams or ()) - set(pair.streams):
            yield f"{place}.{n}.streams: no stream {stream}. There are: {', '.join(pair.streams)}"
