"""The whole daemon with everything that it can tell, as one process."""

import fcntl
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from broker import Broker, Watcher, free_port
from running_daemon import StartDaemon

Configure = Callable[..., Path]


@pytest.fixture
def configure(tmp_path: Path, long_video: Path) -> Configure:
    """Write a configuration: five minutes of one face, as they were recorded."""

    def write(*sections: str, camera: str = "") -> Path:
        path = tmp_path / "fer-edge.toml"
        first = f'[camera]\nsource = "{long_video}"\npace = "recorded"{camera}'
        law = '[law]\npurpose = "testing"'
        path.write_text("\n".join([first, *sections, law]) + "\n")
        return path

    return write


def _ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=30.0) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_everybody_is_told(
    start_daemon: StartDaemon, configure: Configure, tmp_path: Path
) -> None:
    """Standard output, a broker, a command and the page tell the same event.

    One of them, a command that cannot be run, fails without the others.
    """
    hooked = tmp_path / "hooked.jsonl"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ncat >> {hooked}\n")
    hook.chmod(0o755)
    broken = tmp_path / "broken"
    broken.write_text("no program\n")
    port = free_port()
    with Broker(tmp_path) as broker, Watcher(broker.port) as watcher:
        config = configure(
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nnode = "pi"',
            f'[outbox]\npath = "{tmp_path}/outbox.sqlite"',
            f"[http]\nport = {port}",
            f'[[hooks]]\ncommand = ["{broken}"]',
            f'[[hooks]]\ncommand = ["{hook}"]',
        )
        daemon = start_daemon(config)
        daemon.wait_until(lambda: daemon.events)
        daemon.wait_until(lambda: watcher.of("fer/pi/events"))
        daemon.wait_until(lambda: hooked.exists() and hooked.read_text())
        url = f"http://127.0.0.1:{port}"
        status, health = _ask(f"{url}/healthz")
        assert (status, json.loads(health)["healthy"]) == (200, True)
        assert any(line.endswith(f"the page is at {url}/") for line in daemon.said)
        first = daemon.events[0]
        assert json.loads(_ask(f"{url}/api/events")[1])["events"][0] == first
        metrics = _ask(f"{url}/metrics")[1]
        emotion = first["emotion"]
        assert f'fer_edge_events_total{{emotion="{emotion}"}} 1.0' in metrics
        assert json.loads(hooked.read_text()) == first
        assert json.loads(watcher.of("fer/pi/events")[0]) == first
        said = daemon.stop()
        watcher.await_payload("fer/pi/available", "stopped")
    told = [line for line in said if str(broken) in line]
    assert len(told) == 1, said
    assert told[0].startswith("WARNING hooks[0]: ")


def test_settings_are_changed_while_it_runs(
    start_daemon: StartDaemon, configure: Configure
) -> None:
    """SIGHUP is answered for each key, and the episode goes on."""
    daemon = start_daemon(configure())
    daemon.wait_until(lambda: daemon.events)
    configure("[episodes]\nupdate_seconds = 0.1", camera='\nname = "hall"')
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("applied: episodes.update_seconds, 0.1 instead of 5.0")
    daemon.wait_for("needs a restart: camera.name")
    assert any(line.endswith("; purpose: testing") for line in daemon.said)
    daemon.wait_until(lambda: len(daemon.events) >= 4)
    path = configure("[episodes]\nupdate_seconds = -1")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for(f"rejected: {path}:5: episodes.update_seconds: -1; allowed is")
    daemon.wait_for("all stays as it was")
    count = len(daemon.events)
    daemon.wait_until(lambda: len(daemon.events) > count)
    daemon.stop()
    assert {event["id"] for event in daemon.events} == {daemon.events[0]["id"]}
    assert {event["camera"] for event in daemon.events} == {"camera"}


def test_reader_that_does_not_read(
    start_daemon: StartDaemon, configure: Configure
) -> None:
    """Events that nobody takes do not stop the loop, nor keep it from ending."""
    port = free_port()
    config = configure(f"[http]\nport = {port}", "[episodes]\nupdate_seconds = 0.01")
    reading, writing = os.pipe()
    try:
        # As little as there can be: a few events fill it.
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        daemon = start_daemon(config, stdout=writing)

        def frames() -> float:
            with_frames = _ask(f"http://127.0.0.1:{port}/api/status")[1]
            return float(json.loads(with_frames)["frames"])

        daemon.wait_for("reading")
        daemon.wait_until(lambda: frames() >= 60)
        begun = time.monotonic()
        said = daemon.stop()
        assert time.monotonic() - begun < 30.0
    finally:
        os.close(reading)
        os.close(writing)
    assert any("json_lines: events that never got there: " in line for line in said)


def test_mistakes_are_told_before_anything_starts(
    start_daemon: StartDaemon, configure: Configure
) -> None:
    """A line for each, with its place, and the exit code of a bad configuration."""
    config = configure(
        '[mqtt]\nhost = "127.0.0.1"\npasword_file = "/etc/secret"',
        "[http]\nport = 80000",
    )
    daemon = start_daemon(config)
    assert daemon.process.wait(60.0) == 2
    assert [line.removeprefix("fer-edge: ") for line in daemon.said] == [
        f"{config}:6: mqtt.pasword_file: unknown key; did you mean password_file?",
        f"{config}:8: http.port: 80000; allowed is 0 to 65535",
    ]
