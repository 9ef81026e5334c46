"""What the text of ``camera.source`` means, and what of it is told."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.cameras.network import NetworkCamera
from fer_edge.cameras.picamera import PiCamera
from fer_edge.cameras.source import Recording, Source, parse_source
from fer_edge.cameras.usb import UsbCamera
from fer_edge.errors import CameraError


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("picamera", PiCamera(0)),
        ("picamera:1", PiCamera(1)),
        ("0", UsbCamera(Path("/dev/video0"))),
        ("12", UsbCamera(Path("/dev/video12"))),
        ("/dev/video2", UsbCamera(Path("/dev/video2"))),
        ("/dev/v4l/by-id/usb-cam", UsbCamera(Path("/dev/v4l/by-id/usb-cam"))),
        ("rtsp://ann@cam/1", NetworkCamera("rtsp://ann@cam/1")),
        ("HTTP://[::1]:8080/v", NetworkCamera("HTTP://[::1]:8080/v")),
        ("a.avi", Recording(Path("a.avi"))),
        ("/srv/0", Recording(Path("/srv/0"))),
        ("./0", Recording(Path("0"))),
        ("picamera.avi", Recording(Path("picamera.avi"))),
        ("C:/a.avi", Recording(Path("C:/a.avi"))),
    ],
)
def test_source(text: str, source: Source) -> None:
    """Its form alone tells what it is; nothing is looked up."""
    assert parse_source(text) == source


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rtsp://cam:554/stream1", "rtsp://cam:554/…"),
        ("rtsp://ann:sesame@cam:554/stream1", "rtsp://cam:554/…"),
        ("rtsp://cam/user=ann_password=sesame_channel=1", "rtsp://cam/…"),
        ("http://cam/video.cgi?user=ann&pwd=sesame", "http://cam/…"),
        ("http://cam?sesame", "http://cam/…"),
        ("rtsp://ann:ses@me@cam/1", "rtsp://cam/…"),
        ("rtsp://ann:12/sesame@cam/1", "rtsp:///…"),
    ],
)
def test_name_of_a_stream(text: str, told: str) -> None:
    """Scheme and host are told; what may hold a password is not."""
    assert str(parse_source(text)) == told


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("picamera:", "picamera:: picamera:1 is the second camera of a Pi"),
        ("picamera:one", "picamera:one: picamera:1 is the second camera of a Pi"),
        ("picamera:-1", "picamera:-1: picamera:1 is the second camera of a Pi"),
        ("ftp://ann:sesame@cam/1", "ftp://cam/…: allowed are picamera, "),
        ("rtsp://", "rtsp:///…: not a URL; "),
        ("rtsp://cam:99999/1", "rtsp://cam:99999/…: not a URL; "),
        ("rtsp://ann:ses/ame@cam/1", "rtsp:///…: not a URL; "),
        ("rtsp://cam/a b", "rtsp://cam/…: not a URL; "),
        ("rtsp://[::1/1", "rtsp://[::1/…: not a URL; "),
    ],
)
def test_mistaken_source(text: str, complaint: str) -> None:
    """What cannot be a source is named in one line, without its password."""
    with pytest.raises(CameraError) as caught:
        parse_source(text)
    assert str(caught.value).startswith(complaint)
    assert len(str(caught.value).splitlines()) == 1


@given(
    password=st.text("abc:/@?#%1", min_size=1).map(lambda text: f"S{text}S"),
    scheme=st.sampled_from(["rtsp", "http", "ftp"]),
)
def test_any_password(password: str, scheme: str) -> None:
    """However it is written, no message holds it."""
    try:
        told = str(parse_source(f"{scheme}://ann:{password}@cam/1"))
    except CameraError as mistake:
        told = str(mistake).partition("; ")[0]
    assert "S" not in told
