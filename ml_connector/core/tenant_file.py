"""A tenant's YAML before it is checked: defaults laid under it, secrets refused, names from the environment put in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from ml_connector.core.yamlx import Place, dotted

Data = dict[str, Any]

_SECRET_NAME = re.compile(
    r"(^|[_-])(secret|password|passwd|passphrase|credentials?|token|(api|access|private|signing|master)[_-]?keys?)$",
    re.IGNORECASE,
)
_USER_IN_ADDRESS = re.compile(r"://[^/?#\s]*@")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_SCHEDULE = frozenset({"every", "cron"})


def merge(base: Data, over: Data) -> Data:
    """``over`` laid over ``base``, mapping by mapping. A schedule replaces the other kind of schedule too."""
    kept = {key: value for key, value in base.items() if not (key in _SCHEDULE and _SCHEDULE & over.keys())}
    merged = dict(kept)
    for key, value in over.items():
        below = kept.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def lay_over_defaults(defaults: Data, tenant: Data) -> Data:
    """The tenant's file over the defaults, which hold nothing for integrations that the tenant does not name."""
    mine, shared = tenant.get("integrations"), defaults.get("integrations")
    if isinstance(mine, dict) and isinstance(shared, dict):
        defaults = defaults | {"integrations": {name: value for name, value in shared.items() if name in mine}}
    return merge(defaults, tenant)


def secrets_in(data: Data, tenant: str) -> Iterator[str]:
    """One line for each place that looks like a secret, without what stands there."""
    for place, value in _entries(data):
        name = str(place[-1])
        if _is_secret(name, value):
            connection = place[1] if len(place) > 2 and place[0] == "connections" else "CONNECTION"
            yield (
                f"{dotted(place)}: secrets are never kept in files. Take the line out, renew the secret if anybody has "
                f"seen the file, and run `ml-connector secret set {tenant}/{connection} {name}`"
            )
        elif isinstance(value, str) and _USER_IN_ADDRESS.search(value):
            yield f"{dotted(place)}: an address must not hold a user name or password. Take the part before @ out"


def fill_in(data: Data, problems: list[str]) -> Data:
    """``${NAME}`` in texts replaced by the environment's value; lines about those that cannot be go to ``problems``."""

    def replace(place: Place, value: str) -> str:
        return _VARIABLE.sub(lambda match: _variable(match[1], place, problems), value)

    def visit(value: Any, place: Place) -> Any:
        if isinstance(value, dict):
            return {key: visit(inner, (*place, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [visit(inner, (*place, index)) for index, inner in enumerate(value)]
        return replace(place, value) if isinstance(value, str) else value

    filled: Data = visit(data, ("connections",))
    return filled


def _variable(name: str, place: Place, problems: list[str]) -> str:
    if not _VARIABLE_NAME.fullmatch(name):
        problems.append(f"{dotted(place)}: ${{...}} takes the name of an environment variable in capitals. Correct it")
    elif _is_secret(name, ""):
        problems.append(
            f"{dotted(place)}: ${{{name}}} looks like a secret, and settings are shown to people. "
            "Store it by `ml-connector secret set` instead"
        )
    elif name not in os.environ:
        problems.append(f"{dotted(place)}: the environment variable {name} is not set. Set it, or write the value here")
    return os.environ.get(name, "")


def _is_secret(name: str, value: Any) -> bool:
    """Whether ``name`` is that of a secret; ``secret: api_token`` only says which one is meant."""
    names_one = isinstance(value, str) and name == "secret" and _SECRET_NAME.search(value) is not None
    return _SECRET_NAME.search(name) is not None and not names_one


def _entries(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Everything that is named or listed, at any depth."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inner:
        yield (*place, key), entry
        yield from _entries(entry, (*place, key))
