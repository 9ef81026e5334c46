"""Photograph the report and the page of what ``make demo`` made; ``make pictures``.

    PYTHONPATH=tests python docs/pictures.py --demo build/demo --out docs/pictures

What is seen are drawn faces: no picture of a person is in this repository.
"""

import argparse
import base64
import tempfile
from pathlib import Path

from addresses import free_addresses
from browser import Browser
from running_daemon import RunningDaemon

_WIDTH, _HEIGHT = 1040, 735
_DENSITY = 1.4
"""Pixels of a picture for each of the page, each way."""
_HAPPY = "document.querySelector('#faces h3 span')?.textContent === 'happy'"

_CONFIG = """\
law.purpose = "testing"

[camera]
source = "{scene}"
pace = "recorded"

[model]
bundle = "{bundle}"

[http]
port = {port}
preview = true
"""


def report(browser: Browser, bundle: Path, picture: Path) -> None:
    """Photograph a bundle's report, from its figures on."""
    browser.open((bundle / "report.html").resolve().as_uri())
    browser.evaluate("document.querySelectorAll('h2')[1].scrollIntoView()")
    photograph(browser, picture)


def page(browser: Browser, program: Path, demo: Path, picture: Path) -> None:
    """Photograph the daemon's page while the drawn face is happy."""
    host, port = free_addresses(1)[0].split(":")
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "fer-edge.toml"
        config.write_text(
            _CONFIG.format(
                scene=demo / "scene.avi",  # the page shows it as it stands here
                bundle=(demo / "bundle").resolve(),
                port=port,
            )
        )
        daemon = RunningDaemon(program, config)
        try:
            daemon.wait_for(f"http://{host}:{port}/")
            browser.open(f"http://{host}:{port}/")
            browser.until(_HAPPY)
            photograph(browser, picture)
        finally:
            daemon.kill()


def photograph(browser: Browser, picture: Path) -> None:
    """Write what is seen without scrolling as a PNG."""
    answer = browser.call("Page.captureScreenshot")
    picture.write_bytes(base64.b64decode(answer["data"]))


def main() -> None:
    """Make both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, required=True, help="what make demo made")
    parser.add_argument("--out", type=Path, required=True, help="folder of the PNGs")
    parser.add_argument("--program", type=Path, default=Path(".venv/bin/fer-edge"))
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as profile,
        Browser(Path(profile)) as browser,
    ):
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=_WIDTH, height=_HEIGHT, deviceScaleFactor=_DENSITY, mobile=False,
        )  # fmt: skip
        report(browser, given.demo / "bundle", given.out / "report.png")
        page(browser, given.program, given.demo, given.out / "page.png")


if __name__ == "__main__":
    main()
