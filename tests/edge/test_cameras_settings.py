"""Settings of a camera that contradict each other."""

from dataclasses import replace

import pytest

from fer_edge.cameras.settings import CameraSettings, complaints

_USB = CameraSettings(source="0")
_NET = CameraSettings(source="rtsp://ann:sesame@cam/1")
_FILE = CameraSettings(source="a.avi")


@pytest.mark.parametrize(
    "settings",
    [
        _USB,
        _NET,
        _FILE,
        CameraSettings(source="picamera:1", grey=True, rotation=270, flip="both"),
        replace(_USB, width=640, height=480, frames_per_second=15.0),
        replace(_FILE, pace="recorded", rotation=90),
        replace(_NET, frozen_seconds=0.0),
    ],
)
def test_possible_settings(settings: CameraSettings) -> None:
    """Of these nothing is to be said."""
    assert complaints(settings) == []


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (CameraSettings(), ["source: empty; a camera, URL or recording"]),
        (
            CameraSettings(source="picamera:x"),
            ["source: picamera:x: picamera:1 is the second camera of a Pi"],
        ),
        (
            replace(_USB, width=640),
            ["width: 640 with height 0; set both, or both to 0"],
        ),
        (
            replace(_NET, width=640, height=480, frames_per_second=12.5),
            [
                "width: 640; a network camera has its own, which only 0 takes",
                "height: 480; a network camera has its own, which only 0 takes",
                "frames_per_second: 12.5; "
                "a network camera has its own, which only 0 takes",
            ],
        ),
        (
            replace(_FILE, frames_per_second=5.0),
            ["frames_per_second: 5; a recording has its own, which only 0 takes"],
        ),
        (
            replace(_NET, pace="recorded"),
            ["pace: recorded; rtsp://cam/… is live, not a recording"],
        ),
        (
            replace(_USB, rotation=45),
            ["rotation: 45; allowed are 0, 90, 180, 270"],
        ),
        (
            replace(_USB, first_retry_seconds=5.0, longest_retry_seconds=2.0),
            ["longest_retry_seconds: 2; less than first_retry_seconds, 5"],
        ),
        (
            replace(_USB, stall_seconds=60.0, give_up_seconds=60.0),
            [
                "give_up_seconds: 60; no more than stall_seconds, 60, "
                "leaves no time to open again"
            ],
        ),
        (
            replace(_USB, height=480, rotation=1),
            [
                "width: 0 with height 480; set both, or both to 0",
                "rotation: 1; allowed are 0, 90, 180, 270",
            ],
        ),
    ],
)
def test_impossible_settings(settings: CameraSettings, lines: list[str]) -> None:
    """Each contradiction has a line, which names its key and what is allowed."""
    assert complaints(settings) == [f"camera.{line}" for line in lines]
