"""The script of docs/fleet.md, run twice on one machine, as it stands there."""

import json
import re
import subprocess
from pathlib import Path

from broker import Broker, Watcher, await_that, free_port, program
from network_camera import NetworkCamera
from systemd_box import SystemdBox


def _script(repository: Path, broker: int, http: int) -> str:
    """Return the script, with this machine's free ports instead of the usual ones."""
    page = (repository / "docs/fleet.md").read_text(encoding="utf-8")
    found = re.search(r"```sh\n(.*?)```", page, re.DOTALL)
    assert found is not None
    script = found[1].replace('host = "$BROKER"', f'host = "$BROKER"\nport = {broker}')
    return script.replace("port = 9464", f"port = {http}")


def test_script(
    box: SystemdBox, camera: NetworkCamera, repository: Path, tmp_path: Path
) -> None:
    """A bare machine reports by its host name; the second time changes nothing."""
    passwords = tmp_path / "passwords"
    tool = program("mosquitto_passwd", "mosquitto")
    subprocess.run([tool, "-b", "-c", passwords, "fer-edge", "sesame"], check=True)
    http, token = free_port(), "a-token-of-24-characters"
    box.run("hostname", "pi-07.example")
    with (
        Broker(tmp_path, [f"password_file {passwords}"]) as broker,
        Watcher(broker.port, "fer/#", ("fer-edge", "sesame")) as watcher,
    ):
        box.write("/opt/provision.sh", _script(repository, broker.port, http))
        given = {
            "BROKER": "127.0.0.1",
            "CAMERA": camera.url,
            "MQTT_PASSWORD": "sesame",
            "HTTP_TOKEN": token,
        }
        command = ["env", *(f"{key}={value}" for key, value in given.items())]
        box.run(*command, "sh", "/opt/provision.sh")
        watcher.await_payload("fer/pi-07/available", "online")
        again = box.run(*command, "sh", "/opt/provision.sh")
        assert "wrote" not in again
        watcher.await_payload("fer/pi-07/available", "online", times=2)
        asked = f"""import urllib.request as u
r = u.Request("http://127.0.0.1:{http}/metrics", headers={{"Authorization":
    "Bearer {token}"}})
print(u.urlopen(r).read().decode())"""
        metrics = box.run("/opt/fer-edge/bin/python3", "-c", asked)
        assert 'node="pi-07"' in metrics
        status = json.loads(
            box.run("/opt/fer-edge/bin/fer-edge", "service", "status", "--json")
        )
        assert status["well"]
        await_that(lambda: watcher.of("fer/pi-07/status"), "the status")
    said = box.journal()
    assert "sesame" not in said
    assert '"type":' not in said
    box.run("/opt/fer-edge/bin/fer-edge", "service", "uninstall", "--purge")
    box.run("rm", "-rf", "/etc/credstore")
