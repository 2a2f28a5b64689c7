"""Trying a connection for real, without writing: what works, what is missing, and which account it reaches."""

from __future__ import annotations

from urllib.parse import urlsplit

from connectors.zendesk.client import VENDOR, Zendesk
from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.findings import Finding
from ml_connector.core.records import Body

_READS = (
    ("organizations", "organizations"),
    ("users", "users"),
    ("organization_fields", "organization fields"),
    ("user_fields", "user fields"),
    ("job_statuses", "job statuses"),
)


async def ping(client: Zendesk) -> list[Finding]:
    """Who the token acts for, and what it may do. Never raises a `ConnectorError`: it becomes a finding.

    Whether writing is allowed shows in the token's scopes, where Zendesk tells them; whether users can be written in
    bulk shows at the first attempt only.
    """
    try:
        user = await client.me()
    except ConnectorError as error:
        return [Finding(False, "the account cannot be reached", str(error), isinstance(error, Reauthenticate))]
    if not user.get("id"):
        return [Finding(False, "not signed in", "the token is not accepted: connect the account again", refused=True)]
    findings = [_role(user), await _scopes(client)]
    return [*findings, *[await _readable(client, path, what) for path, what in _READS], _bulk(client)]


async def identity(client: Zendesk) -> str:
    """The account's own host name, which holds its subdomain also where the origin is another name of the account.

    Raises core.errors, `Reauthenticate` if the token is not accepted.
    """
    user = await client.me()
    if not user.get("id"):
        raise Reauthenticate("the token is not accepted: connect the account again", vendor=VENDOR, phase="ping")
    return urlsplit(str(user.get("url") or "")).hostname or urlsplit(client.settings.origin).hostname or ""


def _role(user: Body) -> Finding:
    role = user.get("role")
    hint = "the user behind the OAuth client must be an admin: others cannot write organizations or custom fields"
    return Finding(role == "admin", f"acts as user {user['id']} ({role})", None if role == "admin" else hint)


async def _scopes(client: Zendesk) -> Finding:
    """A token is issued for scopes that do not exist as well; they are missed at the first call."""
    try:
        token = (await client.get("/oauth/tokens/current")).get("token") or {}
    except ConnectorError:
        return Finding(True, "the token's scopes are unknown", "an API token has none; it may do what its user may do")
    scopes = set(token.get("scopes") or ())
    if {"read", "write"} <= scopes:
        return Finding(True, "scopes read and write")
    given = ", ".join(sorted(scopes)) or "none"
    return Finding(False, f"scopes: {given}", "ask for `read write`: jobs and custom fields have no scope of their own")


async def _readable(client: Zendesk, path: str, what: str) -> Finding:
    try:
        await client.get(f"/{path}", **{"page[size]": "1"})
    except ConnectorError as error:
        return Finding(False, f"{what} cannot be read", error.message)
    return Finding(True, f"{what} can be read")


def _bulk(client: Zendesk) -> Finding:
    match client.settings.bulk_users:
        case True:
            return Finding(True, "users are written in bulk", None)
        case False:
            hint = "Zendesk allows 1 update a second; ask its support for bulk user imports, then unset bulk_users"
            return Finding(True, "users are written one by one", hint)
        case None:
            hint = "it shows at the first write; if Zendesk refuses it, users are written one by one, 1 update a second"
            return Finding(True, "whether users may be written in bulk is unknown", hint)
