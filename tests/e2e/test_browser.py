"""What a person does in the Prefect UI, in a real browser: the system's chromium, driven by Playwright.

``E2E_SCREENSHOTS=docs pytest -m slow tests/e2e/test_browser.py`` keeps what was seen, for the README. The same calls
of the API, without a browser, are in test_prefect.py and test_replay_flow.py.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import FlowRun, Stack, until

pytest.importorskip("playwright", reason="Playwright is not installed: it is in the extra `dev`")
from playwright.sync_api import Locator, Page, sync_playwright

CUSTOMERS = 40
pytestmark = pytest.mark.slow


@pytest.fixture
def run(stack: Stack) -> Iterator[FlowRun]:
    """A completed run of the tenant ``demo``."""
    tenant = stack.tenant("demo")
    try:
        stack.sandbox.seed("oracle_fusion", "customers", CUSTOMERS)
        run = tenant.start("organizations")
        assert run.wait() == "Completed"
        assert stack.sandbox.kinds()["organization.created"] == CUSTOMERS
        yield run
    finally:
        (stack.home / "tenants" / "demo.yaml").unlink()


@pytest.fixture
def page(stack: Stack, run: FlowRun) -> Iterator[Page]:  # noqa: ARG001 - Playwright's loop lets no other run beside it
    """The UI as somebody finds it who opens Prefect's address."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no chromium on this machine: `apt install chromium`")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start as root, in which CI runs; it sees nothing but our own server
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.set_default_timeout(20_000)
        page.goto(stack.environment["PREFECT_API_URL"].removesuffix("/api"))
        yield page
        browser.close()


def test_the_ui_lists_the_runs_retry_replays_one_and_so_does_the_form(stack: Stack, run: FlowRun, page: Page) -> None:
    sandbox = stack.sandbox
    page.get_by_role("link", name="Runs").click()
    listed = page.get_by_role("link", name="demo organizations")
    listed.wait_for()
    page.get_by_text("tenant:demo").first.wait_for()
    listed.click()

    since = len(sandbox.effects())
    page.get_by_text("Artifacts", exact=True).wait_for()
    page.locator("button:has(svg.lucide-ellipsis-vertical)").first.click()
    page.get_by_role("menuitem", name="Retry").click()
    page.get_by_role("alertdialog").or_(page.get_by_role("dialog")).get_by_role("button", name="Retry").click()
    until(lambda: run.told["run_count"] == 2, 60, "the run to be retried")
    assert run.wait() == "Completed"
    assert _kinds(stack, since) == {"organization.updated": CUSTOMERS}, "all of them, from the stored bodies"

    address = page.url.partition("?")[0]
    page.goto(f"{address}?tab=Artifacts")
    page.get_by_role("link", name="demo-oracle-zendesk-balance").first.wait_for()
    page.wait_for_timeout(1_500)  # the graph of the tasks is drawn, and moves, for a moment
    _keep(page, "run-with-artifacts")

    page.get_by_role("link", name="Deployments").click()
    replay = stack.api.get("/deployments/name/replay/demo").raise_for_status().json()["id"]
    page.locator(f'a[href$="/deployments/deployment/{replay}"]').click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Custom run").click()
    _field(page, "run_id").get_by_text("str", exact=True).click()
    _field(page, "run_id").locator("textarea").fill(run.id)
    page.get_by_label("reason (Optional)").fill("Zendesk was restored from a backup")
    page.get_by_label("actor (Optional)").fill("alex")
    _field(page, "mode").get_by_text("preview", exact=True).click()
    page.get_by_role("option", name="replay").click()
    _keep(page, "replay-form", full_page=True)
    since = len(sandbox.effects())
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("button", name="View run").click()
    page.wait_for_url("**/runs/flow-run/*")
    replayed = FlowRun(stack, page.url.partition("?")[0].rpartition("/")[2])
    assert replayed.wait() == "Completed"
    assert _kinds(stack, since) == {"organization.updated": CUSTOMERS}

    page.get_by_role("link", name="Runs").first.click()
    page.get_by_role("link", name=replayed.told["name"]).wait_for()
    _keep(page, "runs", full_page=True)


def _field(page: Page, name: str) -> Locator:
    """An entry of the form, with its switches; Prefect labels only what is a plain text."""
    return page.get_by_text(f"{name} (Optional)", exact=True).locator("xpath=../../..")


def _kinds(stack: Stack, since: int) -> Counter[str]:
    return Counter(one["kind"] for one in stack.sandbox.effects(since=since))


def _keep(page: Page, name: str, *, full_page: bool = False) -> None:
    folder = os.environ.get("E2E_SCREENSHOTS")
    if folder:
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=full_page)
