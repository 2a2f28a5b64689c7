"""The one list of all systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import registry
from ml_connector.core.errors import Misconfigured


def test_every_connector_is_found_by_its_name() -> None:
    folders = {place.parent.name for place in Path(registry.__file__).parent.glob("*/system.py")}

    assert set(registry.NAMES) == folders
    assert [registry.system(name).name for name in registry.NAMES] == list(registry.NAMES)
    with pytest.raises(Misconfigured, match="no connector for sap; there are: asana, kept, "):
        registry.system("sap")
