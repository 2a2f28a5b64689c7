"""The sandbox: one process that plays the vendors on loopback.

``uvicorn --factory ml_connector.sandbox.app:create_app``, or ``python -m ml_connector.sandbox --port 8600``.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

from connectors.asana.sandbox import AsanaEmulator
from connectors.oracle_fusion.sandbox import OracleFusionEmulator
from connectors.qad.sandbox import QadEmulator
from connectors.slack.sandbox import SlackEmulator
from connectors.workday.sandbox import WorkdayEmulator
from connectors.zendesk.sandbox import ZendeskEmulator
from ml_connector.sandbox.control import Control, refused
from ml_connector.sandbox.gate import Gate
from ml_connector.sandbox.world import Emulator, World

EMULATORS: tuple[type[Emulator], ...] = (
    AsanaEmulator,
    OracleFusionEmulator,
    QadEmulator,
    SlackEmulator,
    WorkdayEmulator,
    ZendeskEmulator,
)


def create_app(world: World | None = None, emulators: tuple[type[Emulator], ...] = EMULATORS) -> Starlette:
    """Each emulator under ``/{system}``, the control interface under ``/_sandbox``.

    ``app.state.world`` and ``app.state.emulators`` (by system) are there for tests in the same process.
    """
    world = world or World()
    by_system: dict[str, Emulator] = {}
    for emulator_class in emulators:
        emulator = emulator_class(world)
        by_system[emulator.system] = emulator
    control = Mount(
        "/_sandbox",
        app=Starlette(
            routes=Control(world, by_system).routes(),
            exception_handlers={ValueError: refused, KeyError: refused, TypeError: refused},
        ),
    )
    mounts = [Mount(f"/{system}", routes=emulator.routes()) for system, emulator in by_system.items()]
    app = Starlette(routes=[control, *mounts], middleware=[Middleware(Gate, world=world, emulators=by_system)])
    app.state.world = world
    app.state.emulators = by_system
    return app
