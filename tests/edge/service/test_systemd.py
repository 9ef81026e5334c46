"""The installed service under a real systemd: started, watched, stopped, shut in."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from altered_bundles import released_as
from broker import Broker, Watcher, await_that, free_port, program
from fer_contract.manifest import BundleManifest, read_manifest, write_manifest
from network_camera import NetworkCamera
from systemd_box import SystemdBox

_FER_EDGE = "/opt/fer-edge/bin/fer-edge"
_CONFIG = "/etc/fer-edge/fer-edge.toml"
_DROP_IN = "/etc/systemd/system/fer-edge.service.d/test.conf"


class Service:
    """fer-edge.service in the box, with a configuration of the test's."""

    def __init__(self, box: SystemdBox) -> None:
        self.box = box

    def start(self, config: str, drop_in: str = "", *, wait: bool = True) -> None:
        """Start it; with ``wait``, until it is ready.

        Args:
            config: lines of TOML; camera.source must be among them.
            drop_in: lines of a drop-in's ``[Service]``, which shorten what takes long.
            wait: whether the first frame must come.
        """
        self.box.write(_CONFIG, f'law.purpose = "testing"\n{config}\n')
        self.box.write(_DROP_IN, f"[Service]\n{drop_in}\n")
        self.box.run("systemctl", "daemon-reload")
        block = [] if wait else ["--no-block"]
        self.box.run("systemctl", "start", *block, "fer-edge")

    @property
    def state(self) -> str:
        """Its ActiveState."""
        return self.box.properties()["ActiveState"]

    @property
    def main_pid(self) -> str:
        """Number of its process in the box; 0 if there is none."""
        return self.box.properties()["MainPID"]

    @property
    def restarts(self) -> int:
        """How often systemd has started it again."""
        return int(self.box.properties()["NRestarts"])

    def await_said(self, words: str) -> None:
        """Wait until something stands in its journal."""
        await_that(lambda: words in self.box.journal(), words)

    def as_it(self, script: str) -> str:
        """Run a Python script in the unit's sandbox, as its user; return its words."""
        self.box.write("/opt/fer-edge/probe.py", script)
        text = self.box.run("cat", "/etc/systemd/system/fer-edge.service")
        lines = [
            line
            for line in text.splitlines()
            if not line.startswith(("Type=", "Exec", "Restart", "Watchdog", "Start"))
        ]
        command = "/opt/fer-edge/bin/python3 /opt/fer-edge/probe.py"
        unit = "\n".join(lines).replace(
            "[Service]", f"[Service]\nType=oneshot\nExecStart={command}\n"
        )
        self.box.write("/etc/systemd/system/probe.service", unit)
        self.box.run("systemctl", "daemon-reload")
        self.box.attempt("systemctl", "restart", "probe")
        return self.box.journal("probe")


@pytest.fixture
def service(box: SystemdBox) -> Iterator[Service]:
    """Installed, and not yet started; stopped at the end."""
    box.run(_FER_EDGE, "service", "install")
    yield Service(box)
    box.attempt("systemctl", "stop", "fer-edge")
    box.attempt("systemctl", "reset-failed", "fer-edge")
    box.run(
        "rm", "-rf", "/var/lib/fer-edge", "/etc/credstore", str(Path(_DROP_IN).parent)
    )
    # What one test has said is not what the next one looks for.
    box.run("journalctl", "--rotate")
    box.run("journalctl", "--vacuum-time=1s")


def _source(camera: NetworkCamera) -> str:
    return f'camera.source = "{camera.url}"'


def test_start(service: Service, camera: NetworkCamera) -> None:
    """It is ready with the first frame, and its status tells how it is."""
    camera.stalled.set()
    service.start(_source(camera), wait=False)
    await_that(lambda: camera.connections)
    assert service.state == "activating"
    camera.stalled.clear()
    await_that(lambda: service.state == "active")

    def told() -> str:
        return service.box.properties()["StatusText"]

    await_that(lambda: "1 face" in told(), "the status line")
    assert "frames/s" in told()
    assert "on cpu" in told()
    assert service.box.properties()["User"] == "fer-edge"
    status = service.box.run(_FER_EDGE, "service", "status")
    assert status.startswith("fer-edge.service: active (running)")
    assert "1 face" in status


def test_hang(service: Service, camera: NetworkCamera) -> None:
    """The watchdog hears no frame, kills the daemon, and systemd starts it again."""
    quick = "camera.stall_seconds = 1\ncamera.give_up_seconds = 2"
    service.start(f"{_source(camera)}\n{quick}", "WatchdogSec=4\nRestartSec=0.1")
    hung = service.main_pid
    service.box.run("kill", "-STOP", hung)
    await_that(lambda: service.restarts >= 1, "a restart")
    await_that(lambda: service.state == "active", "frames again")
    assert service.main_pid != hung
    assert "Watchdog timeout" in service.box.journal()


def test_patient_camera(service: Service, camera: NetworkCamera) -> None:
    """A camera that is given longer than the watchdog waits is not the watchdog's."""
    patience = "camera.stall_seconds = 1\ncamera.give_up_seconds = 8"
    service.start(f"{_source(camera)}\n{patience}", "WatchdogSec=4\nRestartSec=0.1")
    camera.stalled.set()
    service.await_said("given up, 8 s without a frame")
    camera.stalled.clear()
    await_that(lambda: service.restarts >= 1, "a restart")
    assert "Watchdog timeout" not in service.box.journal()


def test_lost_camera(service: Service, camera: NetworkCamera) -> None:
    """The daemon ends with 3 and a word, and is started again until frames come."""
    quick = "camera.stall_seconds = 1\ncamera.give_up_seconds = 2"
    service.start(f"{_source(camera)}\n{quick}", "RestartSec=0.1")
    camera.stalled.set()
    service.await_said("given up, 2 s without a frame")
    camera.stalled.clear()
    await_that(lambda: service.restarts >= 1, "a restart")
    await_that(lambda: service.state == "active", "frames again")
    assert "status=3" in service.box.journal()
    # The failure alone, told as one: not what stands around it.
    errors = service.box.run(
        "journalctl", "-o", "cat", "-p", "err", "_COMM=fer-edge", "-u", "fer-edge"
    )
    lines = errors.splitlines()
    assert all(line.endswith("given up, 2 s without a frame") for line in lines), lines
    assert lines


def test_stop(service: Service, camera: NetworkCamera, tmp_path: Path) -> None:
    """What waits is sent, "stopped" is the last word, and nothing is left waiting."""
    with Broker(tmp_path) as broker, Watcher(broker.port, "fer/#") as watcher:
        mqtt = f'mqtt.host = "127.0.0.1"\nmqtt.port = {broker.port}\nmqtt.node = "pi"'
        service.start(f"{_source(camera)}\n{mqtt}")
        await_that(lambda: watcher.of("fer/pi/events"), "an event")
        service.box.run("systemctl", "stop", "fer-edge")
        watcher.await_payload("fer/pi/available", "stopped")
        kinds = [json.loads(text)["type"] for text in watcher.of("fer/pi/events")]
    assert (kinds[0], kinds[-1]) == ("new", "end")
    found = service.box.properties()
    assert (found["ActiveState"], found["Result"]) == ("inactive", "success")
    count = (
        "import sqlite3; print(sqlite3.connect('/var/lib/fer-edge/outbox.sqlite')"
        ".execute('SELECT count(*) FROM event').fetchone()[0])"
    )
    assert service.box.run("/opt/fer-edge/bin/python3", "-c", count).strip() == "0"


def test_reload(service: Service, camera: NetworkCamera) -> None:
    """It answers for each key that has changed, and goes on."""
    service.start(_source(camera))
    before = service.main_pid
    changed = f'{_source(camera)}\nepisodes.threshold = 0.7\ncamera.name = "door"'
    service.box.write(_CONFIG, f'law.purpose = "testing"\n{changed}\n')
    service.box.run("systemctl", "reload", "fer-edge")
    service.await_said("camera.name")
    service.await_said("episodes.threshold")
    said = service.box.journal()
    assert "restart" in said
    assert service.main_pid == before


def test_mistaken_configuration(service: Service) -> None:
    """What starting again cannot mend is not started again."""
    with pytest.raises(AssertionError, match="Job for fer-edge"):
        service.start('camera.source = ""', "RestartSec=0.1")
    found = service.box.properties()
    assert (found["ActiveState"], found["NRestarts"]) == ("failed", "0")
    assert found["ExecMainStatus"] == "2"
    service.await_said("camera.source: empty")
    status = service.box.attempt(_FER_EDGE, "service", "status")
    assert status.returncode == 1
    assert "ended with 2: the configuration" in status.stdout
    assert f"it said: {_CONFIG}:2: camera.source: empty; " in status.stdout


def test_start_limit(service: Service) -> None:
    """What fails at once again and again is left alone after ten times."""
    failing = "ExecStart=\nExecStart=/bin/false\nRestartSec=0.05"
    service.start('camera.source = "0"', failing, wait=False)
    await_that(lambda: service.state == "failed", "the start limit")
    assert service.restarts == 10
    assert "Start request repeated too quickly" in service.box.journal()


def test_credentials(service: Service, camera: NetworkCamera, tmp_path: Path) -> None:
    """A password of root's reaches the daemon, and nobody sees it."""
    passwords = tmp_path / "passwords"
    tool = program("mosquitto_passwd", "mosquitto")
    subprocess.run([tool, "-b", "-c", passwords, "pi", "correct horse"], check=True)
    with Broker(tmp_path, [f"password_file {passwords}"]) as broker:
        secret = (_FER_EDGE, "service", "secret", "mqtt-password")
        said = service.box.run(*secret, entered="correct horse\n")
        assert "wrote /etc/credstore/fer-edge.mqtt-password" in said
        assert "horse" not in said
        mqtt = (
            f'mqtt.host = "127.0.0.1"\nmqtt.port = {broker.port}\nmqtt.user = "pi"\n'
            'mqtt.node = "pi"'
        )
        config = f'law.purpose = "testing"\n{_source(camera)}\n{mqtt}\n'
        service.box.write(_CONFIG, config)
        # Already before the first start, and with the rights of the service's user.
        doctor = service.box.attempt(_FER_EDGE, "doctor").stdout
        assert "lets us in after" in doctor
        assert "horse" not in doctor
        service.start(f"{_source(camera)}\n{mqtt}")
        await_that(lambda: "broker connected" in service.box.properties()["StatusText"])
    assert "horse" not in service.box.journal()
    environment = service.box.run("cat", f"/proc/{service.main_pid}/environ")
    assert "horse" not in environment


def test_token(service: Service, camera: NetworkCamera) -> None:
    """A page for others is good, and checked, once the service has a token for it."""
    http = f'http.port = {free_port()}\nhttp.bind = "0.0.0.0"'
    service.start(f"{_source(camera)}\n{http}", wait=False)
    await_that(lambda: service.state == "failed", "the end")
    service.box.run("systemctl", "reset-failed", "fer-edge")
    refused = service.box.attempt(_FER_EDGE, "check", _CONFIG)
    assert "a token is needed" in refused.stderr
    assert "sudo fer-edge service secret http-token --random" in refused.stderr
    said = service.box.run(_FER_EDGE, "service", "secret", "http-token", "--random")
    assert re.fullmatch("[0-9a-f]{48}", said.splitlines()[0])
    assert service.box.run(_FER_EDGE, "check", _CONFIG) == f"{_CONFIG}: good\n"
    service.start(f"{_source(camera)}\n{http}")


_PROBE = """
import ctypes, mmap, os, socket

libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, action):
    try:
        action()
    except OSError as failure:
        print(name, "refused:", failure.strerror)
    else:
        print(name, "allowed")

def call(function, *arguments):
    function.restype = ctypes.c_void_p
    if function(*arguments) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def map_executable():
    call(libc.mmap, None, 4096, 7, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)

def open_device(name):
    os.close(os.open(name, os.O_RDONLY))

attempt("write state", lambda: open("/var/lib/fer-edge/probe", "w").close())
attempt("write etc", lambda: open("/etc/fer-edge/probe", "w").close())
attempt("write usr", lambda: open("/usr/probe", "w").close())
attempt("write own program", lambda: open("/opt/fer-edge/probe", "w").close())
attempt("read home", lambda: os.listdir("/root"))
attempt("socket inet", lambda: socket.socket(socket.AF_INET).close())
attempt("socket netlink", lambda: socket.socket(socket.AF_NETLINK, 3, 15).close())
attempt("socket packet", lambda: socket.socket(socket.AF_PACKET, 3).close())
attempt("socket vsock", lambda: socket.socket(socket.AF_VSOCK, 1).close())
attempt("write and execute", map_executable)
attempt("device null", lambda: open_device("/dev/null"))
attempt("device disk", lambda: open_device("/dev/probe-disk"))
attempt("user namespace", lambda: call(libc.unshare, ctypes.c_long(0x10000000)))
import numpy, cv2
print("libraries", numpy.__version__ and cv2.__version__ and "loaded")
"""


def test_sandbox(service: Service) -> None:
    """It writes to its state, opens its kinds of sockets, and nothing else."""
    # Whoever may open the node itself, the group of devices may not be opened.
    service.box.run("mknod", "-m", "666", "/dev/probe-disk", "b", "8", "0")
    said = service.as_it(_PROBE)
    found = dict(
        line.rsplit(" ", 1) if line.endswith("allowed") else line.split(" refused: ")
        for line in said.splitlines()
        if " refused: " in line or line.endswith(" allowed")
    )
    assert found == {
        "write state": "allowed",
        "write etc": "Permission denied",
        "write usr": "Read-only file system",
        "write own program": "Read-only file system",
        "read home": "Permission denied",
        "socket inet": "allowed",
        "socket netlink": "allowed",
        "socket packet": "Address family not supported by protocol",
        "socket vsock": "Address family not supported by protocol",
        "write and execute": "Operation not permitted",
        "device null": "allowed",
        "device disk": "Operation not permitted",
        "user namespace": "Operation not permitted",
    }, said
    assert "libraries loaded" in said


def test_no_coral(service: Service, camera: NetworkCamera, tmp_path: Path) -> None:
    """With a model for the Edge TPU and no library it runs on the CPU, and says so."""
    bundle = released_as("compiled", tmp_path)
    # Without the library it is never opened.
    (bundle / BundleManifest.EDGETPU).write_bytes(b"edgetpu-custom-op")
    manifest = read_manifest(bundle, BundleManifest)
    write_manifest(bundle, manifest, [*manifest.files, BundleManifest.EDGETPU])
    service.box.copy(bundle, "/opt/fer-edge/bundle")
    service.start(f'{_source(camera)}\nmodel.bundle = "/opt/fer-edge/bundle"')
    await_that(lambda: "on cpu" in service.box.properties()["StatusText"])
    service.await_said("libedgetpu")
    assert service.state == "active"


def test_second_camera(service: Service, camera: NetworkCamera) -> None:
    """An instance has a configuration and a state of its own."""
    service.box.write(
        "/etc/fer-edge/door.toml", f'law.purpose = "testing"\n{_source(camera)}\n'
    )
    service.box.run("systemctl", "start", "fer-edge@door")
    found = service.box.properties("fer-edge@door.service")
    assert found["ActiveState"] == "active"
    service.box.run("test", "-d", "/var/lib/fer-edge/door")
    service.box.run("systemctl", "stop", "fer-edge@door")


def test_uninstall(service: Service, camera: NetworkCamera) -> None:
    """It is stopped and gone, and what is the owner's stays; unless told otherwise."""
    service.start(_source(camera))
    box = service.box
    said = box.run(_FER_EDGE, "service", "uninstall")
    assert said.splitlines()[-1] == "kept /etc/fer-edge and /var/lib/fer-edge"
    assert box.properties()["LoadState"] == "not-found"
    box.run("test", "-e", _CONFIG)
    box.run("test", "-d", "/var/lib/fer-edge")
    box.run(_FER_EDGE, "service", "uninstall", "--purge")
    for path in ("/etc/fer-edge", "/var/lib/fer-edge"):
        assert box.attempt("test", "-e", path).returncode == 1
    assert box.attempt("id", "fer-edge").returncode == 1
    box.run(_FER_EDGE, "service", "uninstall", "--purge")


def test_configuration_that_was_brought_first(
    box: SystemdBox, camera: NetworkCamera
) -> None:
    """It is checked with the service's own secrets, and the service may read it."""
    page = f'http.port = {free_port()}\nhttp.bind = "0.0.0.0"'
    box.write(_CONFIG, f'law.purpose = "testing"\n{_source(camera)}\n{page}\n')
    box.run("chmod", "600", _CONFIG)
    token = "a-token-of-24-characters"
    box.write("/etc/credstore/fer-edge.http-token", f"{token}\n")
    box.run("chmod", "-R", "go=", "/etc/credstore")
    said = box.run(_FER_EDGE, "service", "install", "--now")
    assert f"kept {_CONFIG}, readable by fer-edge now" in said.splitlines()
    assert box.run("stat", "-c", "%A %U %G", _CONFIG) == "-rw-r----- root fer-edge\n"
    answer = json.loads(box.run(_FER_EDGE, "service", "status", "--json"))
    assert (answer["well"], answer["restarts"]) == (True, 0)
    again = box.run(_FER_EDGE, "service", "install", "--now")
    assert f"kept {_CONFIG}" in again.splitlines()
    box.run(_FER_EDGE, "service", "uninstall", "--purge")
    box.run("rm", "-rf", "/etc/credstore")


def test_install_again(service: Service) -> None:
    """Nothing changes, and the configuration is kept."""
    box = service.box
    box.write(_CONFIG, "# mine\n")
    said = box.run(_FER_EDGE, "service", "install")
    assert "kept /etc/fer-edge/fer-edge.toml" in said
    assert "wrote" not in said
    assert box.run("cat", _CONFIG) == "# mine\n"
