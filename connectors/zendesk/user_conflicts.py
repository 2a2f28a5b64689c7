"""What to do when Zendesk does not take a user as it was sent: whose address, whose external id, which other way."""

from __future__ import annotations

from connectors.zendesk.addresses import owns
from connectors.zendesk.client import Zendesk
from connectors.zendesk.compare import differences
from connectors.zendesk.errors import Problem
from connectors.zendesk.fields import CustomFields
from connectors.zendesk.lookup import Found, Key, find
from connectors.zendesk.refused_fields import without_refused
from connectors.zendesk.sending import ATTEMPTS, Step, unsaid
from connectors.zendesk.user_steps import (
    CREATE_ONE,
    IDENTITY,
    MEMBERSHIP,
    UPDATE_ONE,
    UserCalls,
    own_fields,
    update_of,
)
from connectors.zendesk.writing import Fate, Result, Work, outcome_of
from ml_connector.core.records import Body, Outcome

_DECIDE = ": decide which is right"
_ALLOW = "set email_match: adopt in the tenant's file"


class UserConflicts:
    """Finds the other way in which a user is to be written, or the reason why it is rejected."""

    def __init__(self, client: Zendesk, calls: UserCalls, fields: CustomFields, if_empty: frozenset[str]) -> None:
        self._client = client
        self._calls = calls
        self._fields = fields
        self._if_empty = if_empty
        self._taken_over: dict[str, str] = {}
        """In this send: users by their ids, with the external ids that they are to get."""

    def key(self, work: Work) -> Key:
        return Key(work.id, work.decision.request["user"]["external_id"])

    async def settle(self, work: Work, result: Result, found: Found) -> Step:
        """The next call, or the outcome, for a piece of work that was not simply written."""
        if result.fate is Fate.FORBIDDEN:
            single = UPDATE_ONE if work.id else CREATE_ONE
            return Work(work.decision, single, work.body, work.id, work.attempt, work.then)
        if result.fate is Fate.SILENT:
            return await self._read(work, result, found)
        if result.problem is None or work.attempt >= ATTEMPTS:
            return outcome_of(work, result)
        if work.call == MEMBERSHIP:
            return self._membership(work, result, result.problem)
        if work.call == IDENTITY:
            return await self._identity(work, result, result.problem)
        if fewer := without_refused(work, result.problem, self._fields):
            return fewer
        if work.id:
            return await self._update(work, result, result.problem)
        return await self._create(work, result, result.problem)

    def _membership(self, work: Work, result: Result, problem: Problem) -> Outcome:
        if problem.taken:  # the user is a member already
            return outcome_of(work, Result(Fate.WRITTEN, request_id=result.request_id))
        result.reason = f"the user was written, but Zendesk refuses its organization: {problem}"
        return outcome_of(work, result)

    async def _identity(self, work: Work, result: Result, problem: Problem) -> Step:
        address = work.body["value"]
        if problem.missing:
            return await self._update(work, result, problem)
        if problem.taken and work.then:
            if await self._client.has_email(str(work.id), address):
                return work.then
            owner = await self._client.user_with_email(address)
            result.reason = _belongs_to(owner, _DECIDE)
        return outcome_of(work, result)

    async def _update(self, work: Work, result: Result, problem: Problem) -> Step:
        if problem.missing:
            user = work.decision.request["user"]
            (found,) = await find(self._client, "users", [Key(None, user["external_id"])])
            if found.object and str(found.object["id"]) != work.id:  # lists go on showing what is deleted for a while
                return await self._to(found.object, work)
            return self._calls.work(work.decision, {"user": user}, work.attempt + 1)
        return outcome_of(work, result)

    async def _create(self, work: Work, result: Result, problem: Problem) -> Step:
        if not problem.taken:
            return outcome_of(work, result)
        user = work.decision.request["user"]
        # Zendesk names only one of the fields: a create that has arrived before all the same is found by both.
        (found,) = await find(self._client, "users", [Key(None, user["external_id"])])
        if found.object:
            return await self._to(found.object, work)
        if found.conflict:
            result.reason = found.conflict
        elif problem.taken & {"email", "?"} and user.get("email"):
            owner = await self._owner(user["email"])
            remedy = await self._remedy(owner, user)
            if owner and remedy is None:
                taker = self._taken_over.setdefault(str(owner["id"]), user["external_id"])
                if taker == user["external_id"]:
                    return await self._to(owner, work)
                owner = {**owner, "external_id": taker}  # two records have the address, and it is one's only
            result.reason = _belongs_to(owner, remedy or _DECIDE)
        elif "external_id" in problem.taken:
            result.fate, result.reason = Fate.UNSENT, "the external id is taken by a user not yet visible"
        return outcome_of(work, result)

    async def _owner(self, address: str) -> Body | None:
        """To whom an address belongs, read as it is: a search may not know yet whose record it became a moment ago."""
        found = await self._client.user_with_email(address)
        owner = await self._client.show("users", str(found["id"])) if found else None
        return owner if owner and owner.get("active") is not False else None

    async def _remedy(self, owner: Body | None, user: Body) -> str | None:
        """What a person can do about an address that is taken; None if its owner may be taken over, or is this user."""
        policy = self._client.settings.email_match
        if owner and owner.get("external_id") == user["external_id"]:
            return None
        # an agent's profile is not the ERP's to write
        if owner is None or owner.get("external_id") or owner.get("role") != "end-user":
            return _DECIDE
        if policy == "reject":
            return f": {_ALLOW}"
        if policy == "adopt" or await owns(self._client, str(owner["id"]), user["email"]):
            return None
        return f", and has not proved that the address is its own: verify it in Zendesk, or {_ALLOW}"

    async def _read(self, work: Work, result: Result, found: Found) -> Step:
        """What the job did not say, reading tells: a user that is gone is made anew."""
        current = found.object
        if current and work.call == MEMBERSHIP:
            written = await self._client.is_member(current, str(work.body["organization_id"]))
        else:
            wanted = own_fields({name: value for name, value in work.body.items() if name != "skip_verify_email"})
            written = bool(current) and not differences(wanted, current or {}, self._fields)
        if current and written:
            return work.then or outcome_of(work, Result(Fate.WRITTEN, str(current["id"]), request_id=result.request_id))
        if work.id and not current and not found.conflict:
            return self._calls.work(work.decision, {"user": work.decision.request["user"]}, work.attempt + 1)
        return unsaid(work, result)

    async def _to(self, current: Body, work: Work) -> Work:
        """The same decision, written to a user that exists."""
        user = work.decision.request["user"]
        request, _ = await update_of(self._client, user, current, self._fields, self._if_empty)
        return self._calls.work(work.decision, request, work.attempt + 1)


def _belongs_to(owner: Body | None, remedy: str) -> str:
    """By ids: an address is a value of the record."""
    if owner is None:
        return "the e-mail address belongs to another user, whom a search does not show: look in Zendesk, then replay"
    external_id = owner.get("external_id")
    known = f"with the external id {external_id}" if external_id else "without an external id"
    return f"the e-mail address belongs to {owner.get('role')} {owner['id']} {known}{remedy}, then replay"
