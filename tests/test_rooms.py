"""What import-linter's patterns cannot say: emulators stand beside their clients, and have nothing to do with them."""

from __future__ import annotations

import re

import grimp

EMULATOR = re.compile(r"connectors\.\w+\.sandbox(\.\w+)?|ml_connector\.sandbox(\.\w+)?")


def test_only_the_sandbox_imports_emulators() -> None:
    graph = grimp.build_graph("flows", "tasks", "connectors", "ml_connector")
    emulators = {module for module in graph.modules if EMULATOR.fullmatch(module)}
    importers = {(other, module) for module in emulators for other in graph.find_modules_that_directly_import(module)}

    assert len(emulators) > 10
    assert {pair for pair in importers if not EMULATOR.fullmatch(pair[0])} == set()
