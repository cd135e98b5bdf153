"""The pictures of the docs: `scripts/screenshots`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from mirror.service.server import Server
from mirror.service.web import create_app
from tests.servers.browser import browser
from tests.unit.service.fake_service import Still
from tests.unit.service.standings import IN_STEP, OUTAGE

_DESK = {"width": 1000, "height": 760, "deviceScaleFactor": 1, "mobile": False}
_PHONE = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
_PICTURES = (
    ("status-outage", OUTAGE, _DESK, False),
    ("status-outage-phone-dark", OUTAGE, _PHONE, True),
    ("status-in-step", IN_STEP, _DESK, False),
)


def main(folder: Path) -> None:
    """Write the pictures into `folder`."""
    for name, standing, screen, dark in _PICTURES:
        server = Server(create_app(Still(standing)), "127.0.0.1:0")
        with (
            tempfile.TemporaryDirectory() as profile,
            browser(Path(profile), dark=dark, javascript=False) as driver,
        ):
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
            driver.get(f"http://127.0.0.1:{server.port}/")
            driver.save_screenshot(str(folder / f"{name}.png"))
        server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
