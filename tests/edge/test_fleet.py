"""Devices seen from afar: by the broker, by Prometheus and by the journal alone."""

import urllib.error
import urllib.request
from pathlib import Path

from broker import Broker, Watcher, await_that, free_port
from network_camera import NetworkCamera
from running_daemon import StartDaemon

_QUICK = "stall_seconds = 1\nfirst_retry_seconds = 0.2\ngive_up_seconds = 6"


def _configure(
    path: Path, camera: NetworkCamera, broker: Broker, http: int, node: str = "pi"
) -> Path:
    path.mkdir()
    file = path / "fer-edge.toml"
    file.write_text(
        f'law.purpose = "testing"\n[camera]\nsource = "{camera.url}"\n{_QUICK}\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nnode = "{node}"\n'
        "first_retry_seconds = 0.1\nlongest_retry_seconds = 0.2\n"
        f'[outbox]\npath = "{path}/outbox.sqlite"\n'
        f"[http]\nport = {http}\nstale_frame_seconds = 2\nstale_inference_seconds = 2\n"
    )
    return file


def _metrics(port: int) -> dict[str, float]:
    """Return what Prometheus would read, empty where nobody answers."""
    url = f"http://127.0.0.1:{port}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=30.0) as answer:
            text = answer.read().decode()
    except urllib.error.URLError:
        return {}
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {
        name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)
    }


def test_camera_that_is_lost(start_daemon: StartDaemon, tmp_path: Path) -> None:
    """Its part is the problem, then the device is offline: it did not end as wanted."""
    port = free_port()
    with (
        NetworkCamera() as camera,
        Broker(tmp_path) as broker,
        Watcher(broker.port, "fer/#") as watcher,
    ):
        daemon = start_daemon(_configure(tmp_path / "pi", camera, broker, port))
        watcher.await_payload("fer/pi/available", "online")
        camera.stalled.set()
        problem = 'fer_edge_problem{part="camera"}'
        await_that(lambda: _metrics(port).get(problem), "the problem")
        found = _metrics(port)
        assert found["fer_edge_frame_age_seconds"] > 2.0
        openings = "fer_edge_camera_openings_total"
        await_that(lambda: _metrics(port).get(openings, 0.0) > 1, "a new opening")
        watcher.await_payload("fer/pi/available", "offline")
        assert daemon.process.wait(60.0) == 3
        assert "stopped" not in watcher.of("fer/pi/available")
    assert daemon.said[-1].endswith("given up, 6 s without a frame")


def test_two_devices_of_one_name(start_daemon: StartDaemon, tmp_path: Path) -> None:
    """Each is thrown out when the other comes; the log and the metrics say of what."""
    port = free_port()
    with NetworkCamera() as camera, Broker(tmp_path) as broker:
        one = start_daemon(_configure(tmp_path / "one", camera, broker, port))
        one.wait_for("connected")
        start_daemon(_configure(tmp_path / "two", camera, broker, free_port()))
        words = "does another device have this mqtt.node?"
        one.wait_for(words)
        found = _metrics(port)
        said = one.stop()
    assert found['fer_edge_note{part="broker"}'] == 1
    assert found["fer_edge_broker_connections_total"] >= 3
    assert len([line for line in said if words in line]) == 1, said
