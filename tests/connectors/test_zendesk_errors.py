"""Every shape of a refusal becomes an error that says what to do and quotes nothing of the record."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connectors.zendesk.errors import Forbidden, Problem, Refused, explain, problem_of
from ml_connector.core.errors import Misconfigured, Reauthenticate, RetryLater
from ml_connector.core.response import Response

SECRET = "Acme GmbH; Email: jane@acme.example"
DUPLICATE = {
    "error": "RecordInvalid",
    "description": f"Record validation errors {SECRET}",
    "details": {"name": [{"description": f"Name: {SECRET} has already been taken", "error": "DuplicateValue"}]},
}


@pytest.mark.parametrize(
    ("status", "body", "kind", "told"),
    [
        (401, {"error": "Couldn't authenticate you"}, Reauthenticate, "connect the account again"),
        (401, {"error": "invalid_token", "error_description": SECRET}, Reauthenticate, "connect the account again"),
        (403, {"error": {"title": "Forbidden", "message": SECRET}}, Forbidden, "must be an admin"),
        (
            403,
            {"error": "Forbidden", "description": "You are missing the following required scopes: read, write"},
            Forbidden,
            "lacks the scopes read, write",
        ),
        (404, {"error": "InvalidEndpoint", "description": "Not found"}, Misconfigured, "check the origin"),
        (404, {"error": "RecordNotFound", "description": "Not found"}, Refused, "does not have this object"),
        (409, {"error": "UpdateConflict", "description": SECRET}, RetryLater, "somebody else is changing"),
        (400, {"error": "TooManyJobs", "description": SECRET}, RetryLater, "30 jobs"),
        (422, DUPLICATE, Refused, "422 RecordInvalid (name: DuplicateValue)"),
        (422, {"errors": [{"code": "TooManyRequests", "title": SECRET}]}, Refused, "422 TooManyRequests"),
        (400, {"error": {"title": "Invalid attribute", "message": SECRET}}, Refused, "400 Unknown"),
        (400, {"detail": SECRET, "status": "400", "title": "Automated response"}, Refused, "400 Unknown"),
        (413, SECRET, Refused, "413 Unknown"),
        (422, [SECRET], Refused, "422 Unknown"),
    ],
)
def test_a_refusal_is_explained(status: int, body: Any, kind: type[Exception], told: str) -> None:
    raw = body.encode() if isinstance(body, str) else orjson.dumps(body)
    error = explain(Response(status, {}, raw, request_id="r1"), "PUT organizations")

    assert type(error) is kind
    assert told in str(error)
    assert error.request_id == "r1"
    assert not {"Acme", "GmbH", "jane@acme.example"} & set(str(error).replace(";", " ").split())


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (
            {"error": "OrganizationCreateError", "details": f"Name: {SECRET} has already been taken"},
            Problem("OrganizationCreateError", (("name", "DuplicateValue"), ("email", "DuplicateValue"))),
        ),
        (
            {"error": "UserCreateError", "details": "External has already been taken; Name: is too short"},
            Problem("UserCreateError", (("external_id", "DuplicateValue"), ("name", "DuplicateValue"))),
        ),
        (
            {"error": "UserCreateError", "details": "Email: a@b.example is already being used by another user"},
            Problem("UserCreateError", (("email", "DuplicateValue"),)),
        ),
        (
            {"error": "X", "details": " This user is already a member of this organization."},
            Problem("DuplicateValue"),
        ),
        ({"error": "DuplicateValue"}, Problem("DuplicateValue")),
        ({"error": "OrganizationUpdateError", "details": "Not found"}, Problem("RecordNotFound")),
        ({"error": "UpdateError", "details": "The item could not be saved"}, Problem("UpdateError")),
        (
            {"errors": "Name: Acme has already been taken", "status": "Failed"},
            Problem("Unknown", (("name", "DuplicateValue"),)),
        ),
        (
            {"error": "UserCreateError", "details": "Phone 5551234567 is not properly formatted"},
            Problem("UserCreateError", (("phone", "Invalid"),)),
        ),
        (
            {"error": "OrganizationCreateError", "details": "Details: is too long; Notes: is too long"},
            Problem("OrganizationCreateError", (("details", "Invalid"), ("notes", "Invalid"))),
        ),
        (
            {"error": "UserCreateError", "details": "Phone: +15551234567 is already being used by another user"},
            Problem("UserCreateError", (("phone", "DuplicateValue"),)),
        ),
        (
            {"error": "RecordInvalid", "details": {"phone": {"description": SECRET, "error": "InvalidFormat"}}},
            Problem("RecordInvalid", (("phone", "InvalidFormat"),)),
        ),
        (None, Problem("Unknown")),
    ],
)
def test_a_jobs_sentences_become_codes_and_names_of_fields(result: Any, problem: Problem) -> None:
    found = problem_of(result)

    assert found == problem
    assert "Acme" not in f"{found} {found!r}"
