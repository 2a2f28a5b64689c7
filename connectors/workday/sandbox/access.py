"""Who may ask: the integration system user, and the API client with its refresh token."""

from __future__ import annotations

import secrets
import time
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ml_connector.sandbox.basic import pair

TENANT = "acme"
USER = "ISU_Zendesk"
PASSWORD = "sandbox-password"  # noqa: S105  # of a user that exists in the sandbox only
CLIENT_ID = "ml-connector"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105  # as above
REFRESH_TOKEN = "sandbox-refresh-token"  # noqa: S105  # as above


class Access:
    """``denied``: operations that the user's security group may not do."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.denied: frozenset[str] = frozenset()
        self._tokens: dict[str, float] = {}

    def expire_tokens(self) -> None:
        self._tokens.clear()

    def is_user(self, name: str, password: str) -> bool:
        """The password must be the very text: white space around it makes it another one."""
        return name == f"{USER}@{TENANT}" and secrets.compare_digest(password.encode(), PASSWORD.encode())

    def knows(self, bearer: str) -> bool:
        return self._tokens.get(bearer, 0.0) > time.time()

    def admits(self, request: Request, *, basic: bool = False) -> bool:
        """Whether a GET is authenticated; ``basic``: by the user's name and password, too."""
        kind, _, credential = request.headers.get("authorization", "").partition(" ")
        if kind == "Bearer":
            return self.knows(credential)
        return basic and kind == "Basic" and pair(credential) in {(USER, PASSWORD), (f"{USER}@{TENANT}", PASSWORD)}

    async def token(self, request: Request) -> Response:
        """The token endpoint. A non-expiring refresh token stays the same."""
        form = dict(parse_qsl((await request.body()).decode()))
        kind, _, credential = request.headers.get("authorization", "").partition(" ")
        if kind != "Basic" or pair(credential) != (CLIENT_ID, CLIENT_SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != REFRESH_TOKEN:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.time() + 3600
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 3600})
