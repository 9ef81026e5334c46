"""``fer-edge`` as a process: what it prints where, and how it ends."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from fer_contract.manifest import BundleManifest, read_manifest
from fer_contract.preprocess import Pixels
from fer_edge.config_schema import config_schema
from fer_edge.events import event_schema
from fer_edge.law import PURPOSES
from fer_edge.models import RELEASED
from fer_trainer.synthetic import Square, Video

Finished = subprocess.CompletedProcess[str]
Run = Callable[..., Finished]
WriteVideo = Callable[[Path, Iterable[Pixels], float], Path]

_START = ("--start", "2024-01-01T12:00:00Z")
_SECONDS = 60.0


@pytest.fixture(scope="session")
def replayed(run: Run, video: Path, bundle: Path) -> Finished:
    """The drawn video, replayed."""
    return run("replay", video, "--bundle", bundle, *_START)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def _events(text: str) -> list[dict[str, Any]]:
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def _check_complaint(finished: Finished, code: int, beginning: str) -> None:
    """One line on standard error, nothing on standard output."""
    assert finished.stdout == ""
    assert finished.stderr.startswith(f"fer-edge: {beginning}")
    assert len(finished.stderr.splitlines()) == 1
    assert finished.returncode == code


def _check_episodes(events: list[dict[str, Any]]) -> None:
    """Every episode begins and ends, once; messages count from 1."""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    begun = [event["id"] for event in events if event["type"] == "new"]
    ended = [event["id"] for event in events if event["type"] == "end"]
    assert begun
    assert len(set(begun)) == len(begun)
    assert sorted(begun) == sorted(ended)


# ----------------------------------------------------------------------- what it tells


def test_replay_of_a_video(
    replayed: Finished, bundle: Path, event_judge: Draft202012Validator
) -> None:
    """Standard output is events alone, in their order, all as the schema says."""
    assert replayed.returncode == 0, replayed.stderr
    events = _events(replayed.stdout)
    _check_episodes(events)
    manifest = read_manifest(bundle, BundleManifest)
    for event in events:
        event_judge.validate(event)
        assert (event["camera"], event["model"]) == ("camera", manifest.name)
        assert list(event["scores"]) == list(manifest.labels)
        assert event["emotion"] in (*manifest.labels, "uncertain")
        assert "2024-01-01T12:00:00.000Z" <= event["started_at"] <= event["at"]
        assert event["at"] <= "2024-01-01T12:00:08.000Z"
        assert not event["replayed"]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)


def test_summary(replayed: Finished, bundle: Path, video: Path) -> None:
    """Standard error says what works together, and what it came to."""
    name = read_manifest(bundle, BundleManifest).name
    first, last = replayed.stderr.splitlines()
    assert first.startswith(f"fer-edge: model {name} on ")
    assert first.endswith(f"self-test passed; faces by haar; reading {video}")
    assert last.startswith("fer-edge: 80 frames in ")
    assert last.endswith(f", {len(_events(replayed.stdout))} events")


def test_replay_twice(replayed: Finished, run: Run, video: Path, bundle: Path) -> None:
    """The same video from the same start gives the same bytes."""
    again = run("replay", video, "--bundle", bundle, *_START)
    assert again.stdout == replayed.stdout


def test_replay_without_a_start(run: Run, video: Path, bundle: Path) -> None:
    """Without a start the first frame was taken now."""
    before = time.time()
    finished = run("replay", video, "--bundle", bundle)
    (first, *_) = _events(finished.stdout)
    today = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(before))
    later = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(before + _SECONDS))
    assert today <= first["started_at"][:16] <= later


def test_replay_of_a_folder(
    run: Run, tmp_path: Path, scene: tuple[Pixels, Square], bundle: Path
) -> None:
    """In each picture of a folder the face is another."""
    for name in ("a.png", "b.png"):
        assert cv2.imwrite(str(tmp_path / name), scene[0])
    finished = run("replay", tmp_path, "--bundle", bundle, *_START)
    assert finished.returncode == 0, finished.stderr
    events = _events(finished.stdout)
    _check_episodes(events)
    begun = [event for event in events if event["type"] == "new"]
    assert [event["track"] for event in begun] == [1, 2]
    assert [event["started_at"][11:19] for event in begun] == ["12:00:00", "12:00:07"]


def test_grey_video(
    run: Run,
    tmp_path: Path,
    write_video: WriteVideo,
    bundle: Path,
    event_judge: Draft202012Validator,
) -> None:
    """The face in a grey video is told like one in a colour video."""
    # In three equal channels, as infrared cameras give it: OpenCV's writer spoils
    # videos of one channel.
    video = Video(seed=3, seconds=1.0, width=320, height=240)
    grey = (np.repeat(frame[:, :, 1:2], 3, axis=2) for frame in video.frames())
    path = write_video(tmp_path / "grey.avi", grey, 10.0)
    finished = run("replay", path, "--bundle", bundle)
    assert finished.returncode == 0, finished.stderr
    events = _events(finished.stdout)
    _check_episodes(events)
    for event in events:
        event_judge.validate(event)


def test_video_without_a_face(
    run: Run, tmp_path: Path, write_video: WriteVideo, bundle: Path
) -> None:
    """Where no face is, nothing is told, and that is no failure."""
    dark = [np.zeros((240, 320, 3), np.uint8)] * 5
    path = write_video(tmp_path / "dark.avi", dark, 10.0)
    finished = run("replay", path, "--bundle", bundle)
    assert (finished.returncode, finished.stdout) == (0, "")
    assert finished.stderr.endswith(", 0 faces, 0 events\n")


def test_yunet(run: Run, shared: Path, video: Path, bundle: Path) -> None:
    """With a YuNet model the faces are found by it."""
    model = shared / "models" / "face_detection_yunet_2023mar.onnx"
    finished = run("replay", video, "--bundle", bundle, "--yunet-model", model)
    assert finished.returncode == 0, finished.stderr
    assert "faces by yunet" in finished.stderr
    _check_episodes(_events(finished.stdout))


def test_run_by_a_configuration(
    run: Run, tmp_path: Path, video: Path, bundle: Path
) -> None:
    """The daemon does what its configuration says, and ends with its source."""
    config = tmp_path / "fer-edge.toml"
    config.write_text(
        f'[camera]\nsource = "{video}"\nname = "door"\n'
        f'[model]\nbundle = "{bundle}"\n[episodes]\nupdate_seconds = 0.5\n'
        '[law]\npurpose = "testing"\n'
    )
    finished = run("run", "--config", config)
    assert finished.returncode == 0, finished.stderr
    events = _events(finished.stdout)
    _check_episodes(events)
    assert {event["camera"] for event in events} == {"door"}
    assert sum(event["type"] == "update" for event in events) > 5


def test_replay_with_a_configuration(
    run: Run, tmp_path: Path, video: Path, bundle: Path, replayed: Finished
) -> None:
    """The command line goes before the configuration, the rest of which holds."""
    config = tmp_path / "fer-edge.toml"
    config.write_text('[camera]\nsource = "other.avi"\n[model]\nbundle = "other"\n')
    arguments = ("replay", video, "--bundle", bundle, *_START, "--config", config)
    assert run(*arguments).stdout == replayed.stdout
    config.write_text('[camera]\nname = "door"\n')
    events = _events(run(*arguments).stdout)
    assert {event["camera"] for event in events} == {"door"}


def test_check_of_the_documented_configuration(run: Run, repository: Path) -> None:
    """As it is delivered, it says what is to be filled in."""
    path = repository / "systemd" / "fer-edge.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    source, purpose = (lines.index(f'{key} = ""') + 1 for key in ("source", "purpose"))
    finished = run("check", path)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.splitlines() == [
        f"fer-edge: {path}:{source}: camera.source: empty; a camera, URL or recording",
        f"{path}:{purpose}: law.purpose: missing; say what emotions are read for: "
        + ", ".join(PURPOSES),
    ]


def test_check_of_a_good_configuration(
    run: Run, repository: Path, tmp_path: Path
) -> None:
    """The documented configuration is good once it is filled in."""
    text = (repository / "systemd" / "fer-edge.toml").read_text(encoding="utf-8")
    path = tmp_path / "fer-edge.toml"
    for key, value in (("source", "somewhere"), ("purpose", "testing")):
        assert text.count(f'\n{key} = ""\n') == 1
        text = text.replace(f'\n{key} = ""\n', f'\n{key} = "{value}"\n')
    path.write_text(text, encoding="utf-8")
    finished = run("check", path)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == f"{path}: good\n"


def test_check_of_a_bad_configuration(run: Run, tmp_path: Path) -> None:
    """Every mistake has its line, without a traceback."""
    path = tmp_path / "fer-edge.toml"
    path.write_text('[camera]\nnme = 1\nname = 2\n[law]\npurpose = "testing"\n')
    finished = run("check", path)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.splitlines() == [
        f"fer-edge: {path}:1: camera.source: empty; a camera, URL or recording",
        f"{path}:2: camera.nme: unknown key; did you mean name?",
        f"{path}:3: camera.name: 2; a text in quotes is wanted",
    ]


def test_schema(run: Run) -> None:
    """That of the events, or of the configuration, is printed as JSON."""
    finished = run("schema")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert json.loads(finished.stdout) == event_schema()
    finished = run("schema", "configuration")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert json.loads(finished.stdout) == config_schema()


# ---------------------------------------------------------------------- how it is ended


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_in_the_middle(
    number: signal.Signals,
    fer_edge: Path,
    tmp_path: Path,
    long_video: Path,
    bundle: Path,
    event_judge: Draft202012Validator,
) -> None:
    """A signal ends the replay in order, within seconds: every episode is ended."""
    out, err = tmp_path / "out", tmp_path / "err"
    arguments: list[str | Path] = [fer_edge, "replay", long_video, "--bundle", bundle]
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(arguments, stdout=stdout, stderr=stderr)
    try:
        deadline = time.monotonic() + _SECONDS
        while out.stat().st_size == 0:
            assert process.poll() is None, err.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        asked = time.monotonic()
        assert process.wait(_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    assert time.monotonic() - asked < 5.0
    events = _events(out.read_text())
    _check_episodes(events)
    for event in events:
        event_judge.validate(event)
    last = err.read_text().splitlines()[-1]
    assert last.startswith("fer-edge: ")
    assert int(last.split()[1].replace(",", "")) < 3000


def test_standard_output_closed_early(
    fer_edge: Path, long_video: Path, bundle: Path, tmp_path: Path
) -> None:
    """As behind ``| head -1``, the reader that goes away is no failure to report."""
    config = tmp_path / "fer-edge.toml"
    config.write_text("[episodes]\nupdate_seconds = 0.1\n")
    errors = tmp_path / "err"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [fer_edge, "replay", long_video, "--bundle", bundle, "--config", config],
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    try:
        assert process.stdout is not None
        with process.stdout as reader:
            json.loads(reader.readline())
        assert process.wait(_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    (line,) = errors.read_text().splitlines()
    assert "self-test passed" in line


@pytest.mark.parametrize("command", ["replay", "schema"])
def test_full_disk(command: str, fer_edge: Path, video: Path, bundle: Path) -> None:
    """Standard output that cannot be written is a failure of one line."""
    arguments: list[str | Path] = [command]
    if command == "replay":
        arguments += [video, "--bundle", bundle]
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [fer_edge, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    assert finished.returncode == 2
    lines = finished.stderr.splitlines()
    assert lines[-1] == "fer-edge: No space left on device"
    assert len(lines) == (2 if command == "replay" else 1)


@pytest.mark.parametrize("where", ["&-", "/dev/full"])
def test_standard_error_that_takes_nothing(
    where: str, fer_edge: Path, video: Path, bundle: Path, replayed: Finished
) -> None:
    """Lines for people are a courtesy: without them the events come all the same."""
    arguments: list[str | Path] = [fer_edge, "replay", video, "--bundle", bundle]
    finished = subprocess.run(
        ["sh", "-c", f'exec "$@" 2>{where}', "sh", *arguments, *_START],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert (finished.returncode, finished.stdout) == (0, replayed.stdout)


@pytest.mark.parametrize("start", ["9001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_start_near_the_end_of_time(
    start: str, run: Run, video: Path, bundle: Path
) -> None:
    """A start from which the recording could leave the calendar is refused."""
    finished = run("replay", video, "--bundle", bundle, "--start", start)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "Invalid value for '--start': the year is after 9000" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("year", ["0001", "1969", "9000"])
def test_start_long_ago_or_far_ahead(
    year: str,
    run: Run,
    video: Path,
    bundle: Path,
    event_judge: Draft202012Validator,
) -> None:
    """Any other start is one: its events are as the schema says."""
    start = f"{year}-12-31T23:59:58Z"
    finished = run("replay", video, "--bundle", bundle, "--start", start)
    assert finished.returncode == 0, finished.stderr
    events = _events(finished.stdout)
    _check_episodes(events)
    for event in events:
        event_judge.validate(event)
    assert events[0]["started_at"].startswith(f"{year}-12-31T23:59:5")


def test_standard_output_that_is_closed(
    fer_edge: Path, video: Path, bundle: Path
) -> None:
    """Without a standard output the daemon does not start."""
    finished = subprocess.run(
        [
            "sh",
            "-c",
            'exec "$@" >&-',
            "sh",
            fer_edge,
            "replay",
            video,
            "--bundle",
            bundle,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    _check_complaint(finished, 2, "standard output: closed")


# ------------------------------------------------------------- what it cannot work with


@pytest.mark.parametrize("name", [BundleManifest.MODEL, BundleManifest.GOLDEN])
def test_damaged_bundle(run: Run, own_bundle: Path, video: Path, name: str) -> None:
    """A bundle with one flipped bit is refused before anything is told."""
    path = own_bundle / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    finished = run("replay", video, "--bundle", own_bundle)
    _check_complaint(finished, 1, f"{path}: SHA-256 is ")


def test_no_bundle(run: Run, video: Path) -> None:
    """Without a bundle the released model answers, and events name it."""
    finished = run("replay", video)
    assert finished.returncode == 0, finished.stderr
    released = read_manifest(RELEASED, BundleManifest)
    events = _events(finished.stdout)
    assert {event["model"] for event in events} == {released.name}
    assert finished.stderr.startswith(f"fer-edge: model {released.name} on ")


def test_path_of_the_released_model(run: Run) -> None:
    """One line, for a shell; a bundle with its card lies there."""
    finished = run("models", "path")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == f"{RELEASED}\n"
    assert (RELEASED / "MODEL_CARD.md").is_file()


def test_missing_bundle(run: Run, video: Path, tmp_path: Path) -> None:
    """A bundle that is not there is named."""
    missing = tmp_path / "bundle"
    finished = run("replay", video, "--bundle", missing)
    _check_complaint(finished, 2, f"{missing}: no such directory")


def test_empty_folder(run: Run, bundle: Path, tmp_path: Path) -> None:
    """A folder without a picture is named."""
    finished = run("replay", tmp_path, "--bundle", bundle)
    _check_complaint(finished, 2, f"{tmp_path}: no picture in this folder")


def test_missing_source(run: Run, bundle: Path, tmp_path: Path) -> None:
    """A video that is not there is named."""
    path = tmp_path / "a.avi"
    _check_complaint(run("replay", path, "--bundle", bundle), 2, f"{path}: no such")


def test_no_source(run: Run, tmp_path: Path, bundle: Path) -> None:
    """A configuration without a source is named by its key."""
    config = tmp_path / "fer-edge.toml"
    config.write_text(f'law.purpose = "testing"\n[model]\nbundle = "{bundle}"\n')
    wanted = f"{config}: camera.source: empty;"
    _check_complaint(run("run", "--config", config), 2, wanted)


@pytest.mark.parametrize("content", [b"", b"garbage" * 99], ids=["empty", "text"])
def test_source_that_is_no_video(
    run: Run, bundle: Path, tmp_path: Path, content: bytes
) -> None:
    """A file that is no video is named, and OpenCV keeps quiet."""
    path = tmp_path / "a.avi"
    path.write_bytes(content)
    _check_complaint(run("replay", path, "--bundle", bundle), 2, f"{path}: not a video")


def test_damaged_video(run: Run, tmp_path: Path, video: Path, bundle: Path) -> None:
    """What is there is told, and in one line that more should be; FFmpeg is silent."""
    whole = bytearray(video.read_bytes())
    middle = len(whole) // 2
    whole[middle // 2 : middle // 2 + 3000] = np.random.default_rng(0).bytes(3000)
    path = tmp_path / "a.avi"
    path.write_bytes(whole[:middle])
    finished = run("replay", path, "--bundle", bundle)
    assert finished.returncode == 0
    _check_episodes(_events(finished.stdout))
    greeting, warning, summary = finished.stderr.splitlines()
    assert "self-test passed" in greeting
    assert warning.startswith(f"WARNING {path}: ended after ")
    assert warning.endswith(" of 80 frames; the rest is damaged or missing")
    assert summary.startswith("fer-edge: ")


def test_broken_picture(
    run: Run, tmp_path: Path, scene: tuple[Pixels, Square], bundle: Path
) -> None:
    """A picture that breaks off: what was told before is ended, the file is named."""
    assert cv2.imwrite(str(tmp_path / "a.png"), scene[0])
    broken = tmp_path / "b.png"
    broken.write_bytes(b"no picture")
    finished = run("replay", tmp_path, "--bundle", bundle)
    assert finished.returncode == 2
    _check_episodes(_events(finished.stdout))
    _, complaint = finished.stderr.splitlines()
    wanted = f"fer-edge: {broken}: not a picture, damaged, or too large"
    assert complaint == wanted


def test_garbage_yunet(run: Run, video: Path, bundle: Path, tmp_path: Path) -> None:
    """A file that is not the YuNet wanted is refused before OpenCV reads it."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"no network")
    finished = run("replay", video, "--bundle", bundle, "--yunet-model", path)
    _check_complaint(finished, 1, f"faces.yunet_model: {path}: ")


def test_bad_configuration(run: Run, tmp_path: Path, video: Path, bundle: Path) -> None:
    """A mistake in the configuration keeps the daemon from starting."""
    config = tmp_path / "fer-edge.toml"
    config.write_text(
        f'[camera]\nsource="{video}"\n[episodes]\nthreshold = 2.0\n'
        '[law]\npurpose = "testing"\n'
    )
    wanted = f"{config}:4: episodes.threshold: 2.0; allowed is 0 to 1"
    _check_complaint(run("run", "--config", config), 2, wanted)
    finished = run("replay", video, "--bundle", bundle, "--config", config)
    _check_complaint(finished, 2, wanted)


def test_missing_configuration(run: Run, tmp_path: Path) -> None:
    """A configuration that is not there is named."""
    path = tmp_path / "fer-edge.toml"
    for arguments in (("run", "--config", path), ("check", path)):
        _check_complaint(run(*arguments), 2, f"{path}: No such file or directory")


@pytest.mark.parametrize("name", ["a.avi", "a.png", "manifest.json", "fer-edge.toml"])
def test_no_permission_to_read(
    name: str, fer_edge: Path, open_folder: Path, video: Path, bundle: Path
) -> None:
    """A file that may not be read is named with the reason, not called damaged."""
    program: list[str | Path] = [fer_edge]
    if os.geteuid() == 0:
        # Root reads everything, unless it gives up the right to.
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("as root, this test needs setpriv (util-linux)")
        rights = "-dac_override,-dac_read_search"
        program = [setpriv, "--inh-caps", rights, "--bounding-set", rights, fer_edge]
    own = Path(shutil.copytree(bundle, open_folder / "bundle"))
    source = open_folder / ("a.png" if name == "a.png" else "a.avi")
    shutil.copyfile(video, source)
    config = open_folder / "fer-edge.toml"
    config.write_text("")
    (path,) = open_folder.rglob(name)
    path.chmod(0)
    finished = subprocess.run(
        [*program, "replay", source, "--bundle", own, "--config", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    # A picture is only opened when it is shown, after the greeting.
    complaint = finished.stderr.splitlines()[-1]
    assert complaint == f"fer-edge: {path}: Permission denied"
    assert "Traceback" not in finished.stderr
    assert (finished.returncode, finished.stdout) == (2, "")


@pytest.mark.parametrize(
    "source", ["0", "picamera", "/dev/video7", "rtsp://ann:sesame@127.0.0.1/door"]
)
def test_replay_of_a_live_camera(run: Run, source: str) -> None:
    """Refused: what a live camera sees is written nowhere. No password is printed."""
    finished = run("replay", source)
    assert finished.returncode == 2
    assert "live, not a recording; fer-edge run reads it" in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert "sesame" not in finished.stderr


def test_replay_annotated(run: Run, video: Path, bundle: Path, tmp_path: Path) -> None:
    """The same events, and every frame of the recording with what was seen."""
    path = tmp_path / "seen.avi"
    finished = run("replay", video, "--bundle", bundle, "--annotate", path)
    assert finished.returncode == 0, finished.stderr
    recording, seen = cv2.VideoCapture(str(video)), cv2.VideoCapture(str(path))
    count = int(recording.get(cv2.CAP_PROP_FRAME_COUNT))
    assert int(seen.get(cv2.CAP_PROP_FRAME_COUNT)) == count
    changed = 0
    for _ in range(count):
        pixels = [np.asarray(film.read()[1], np.int64) for film in (recording, seen)]
        changed += int((np.abs(pixels[0] - pixels[1]) > 100).any())
    # A box in nearly every frame, of which both films know the rest.
    assert changed > 0.8 * count


def test_replay_annotated_where_a_file_is(
    run: Run, video: Path, bundle: Path, tmp_path: Path
) -> None:
    """Refused before the first event; the file stays."""
    path = tmp_path / "seen.avi"
    path.write_text("mine")
    finished = run("replay", video, "--bundle", bundle, "--annotate", path)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert f"{path}: already there; name a new one" in finished.stderr
    assert path.read_text() == "mine"
