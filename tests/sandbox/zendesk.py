"""An emulated Zendesk account over real HTTP.

Every request that is sent to it, except those that are wrong on purpose, is checked against the vendor's document.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx

from connectors.zendesk.sandbox.oauth import CLIENT_ID, CLIENT_SECRET
from ml_connector.sandbox.serve import SandboxThread
from tests.contracts.openapi import OpenApi

Json = Any
SPEC = Path(__file__).resolve().parents[3] / "shared" / "specs" / "zendesk" / "openapi.patched.json"
BY_CLIENT = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


class Account:
    """A client of the emulated account that knows nothing but HTTP."""

    def __init__(self, sandbox: SandboxThread, contract: OpenApi | None) -> None:
        self.sandbox = sandbox
        self.contract = contract
        self.http = httpx.Client(base_url=sandbox.url("zendesk"))
        self.grant()

    def grant(self, scope: str = "read write") -> None:
        """Use a new token from now on."""
        answer = self.call("POST", "/oauth/tokens", {**BY_CLIENT, "scope": scope})
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def call(
        self, method: str, path: str, body: Json = None, *, wrong: bool = False, **query: str | int
    ) -> httpx.Response:
        """``wrong``: the request is not one that the document allows."""
        sent = {name.replace("__", "[") + ("]" if "__" in name else ""): str(value) for name, value in query.items()}
        if self.contract and not wrong:
            assert self.contract.check_request(method, path, sent, body) == []
        return self.http.request(method, path, params=sent, json=body)

    def api(self, method: str, path: str, body: Json = None, *, status: int = 200, **options: Any) -> Json:
        answer = self.call(method, f"/api/v2/{path}", body, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def organization(self, **attributes: Json) -> Json:
        return self.api("POST", "organizations", {"organization": attributes}, status=201)["organization"]

    def user(self, **attributes: Json) -> Json:
        # The document asks for an e-mail address, the prose does not.
        sent = {"user": {"skip_verify_email": True, **attributes}}
        return self.api("POST", "users", sent, status=201)["user"]

    def finished(self, answer: Json) -> Json:
        """The job when it is over."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            job = self.api("GET", f"job_statuses/{answer['job_status']['id']}")["job_status"]
            if job["status"] in ("completed", "failed"):
                return job
            time.sleep(0.01)
        raise AssertionError("the job did not end")

    def control(self, action: str, **body: Json) -> Json:
        answer = self.http.post(f"{self.sandbox.base_url}/_sandbox/{action}", json={"system": "zendesk", **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self, collection: str) -> list[Json]:
        objects: list[Json] = self.sandbox.emulators["zendesk"].state(collection)
        return objects

    def effects(self, kind: str) -> list[str]:
        return [effect.key for effect in self.sandbox.world.effects if effect.kind == kind]


def names(rows: list[Json]) -> list[str]:
    return [row["name"] for row in rows]
