"""The stream that the page lives from, and what is held for it."""

import base64
import gc
import json
import threading
import time
import weakref
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fer_contract.preprocess import Box, Pixels
from fer_edge.pipeline import Face
from web_served import (
    TOKEN,
    Served,
    Viewer,
    filming,
    make_event,
    make_status,
    make_turn,
)

Serve = Callable[..., Served]

_FACE = Face(3, Box(16.0, 12.0, 32.0, 24.0), {"happy": 0.75, "sad": 0.25}, "happy")

_SECONDS = 60.0
"""No busy machine needs half of it."""


def _eventually(condition: Callable[[], bool]) -> None:
    last = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.02)


def test_greeting(serve: Serve) -> None:
    """The first message has all that a page needs, so that a new connection heals."""
    served = serve()
    with Viewer(served) as first:
        first.next("hello")
        served.web.publish(make_event(7))
        first.next("event")
        with Viewer(served) as second:
            hello = second.next("hello")
    assert hello["info"]["camera"] == "döör"
    assert hello["status"]["health"]["healthy"] is True
    assert hello["events"] == [json.loads(make_event(7).to_json())]
    kind = second.answer.headers["Content-Type"]
    assert (second.answer.status, kind) == (200, "text/event-stream")


def test_status_from_time_to_time(serve: Serve) -> None:
    """It comes without being asked for, and as it is then."""
    served = serve()
    with Viewer(served) as viewer:
        assert viewer.next("hello")["status"]["frames"] == 1000
        served.status = make_status(frames=1001)
        assert viewer.next("status")["frames"] == 1001
        served.controls.detect = False
        report = viewer.next("status")
        notes = report["health"]["notes"]
        assert (report["detecting"], notes[0]["part"]) == (False, "detection")


def test_faces_without_preview(serve: Serve) -> None:
    """Boxes, in shares of the frame, and scores; not a pixel."""
    served = serve()
    with Viewer(served) as viewer, filming(served, faces=(_FACE,)):
        seen = viewer.next("seen")
    assert seen == {
        "at": "2026-01-01T12:00:00.000Z",
        "width": 64,
        "height": 48,
        "faces": [
            {
                "track": 3,
                "box": [0.25, 0.25, 0.5, 0.5],
                "showing": "happy",
                "scores": {"happy": 0.75, "sad": 0.25},
            }
        ],
        "picture": None,
    }


def test_preview_that_is_switched(serve: Serve) -> None:
    """Pictures come with the faces, from one frame to the next, and stop again."""
    served = serve(preview_frames_per_second=30.0)
    with Viewer(served) as viewer, filming(served):
        assert viewer.next("seen")["picture"] is None
        served.controls.preview = True
        _eventually(lambda: viewer.next("seen")["picture"] is not None)
        served.controls.preview = False
        _eventually(lambda: viewer.next("seen")["picture"] is None)
        assert viewer.next("seen")["picture"] is None


def test_picture_of_a_large_frame(serve: Serve) -> None:
    """It is scaled down for the page; its proportions stay."""
    served = serve(preview=True)
    frame = np.full((1080, 1920, 3), 200, np.uint8)
    with Viewer(served) as viewer, filming(served, frame):
        seen = viewer.next("seen")
    assert (seen["width"], seen["height"]) == (1920, 1080)
    data = np.frombuffer(base64.b64decode(seen["picture"]), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (540, 960, 3)


def test_rate(serve: Serve) -> None:
    """A camera is faster than the page wants it: the frames between are passed over."""
    served = serve(preview_frames_per_second=2.0)
    with Viewer(served) as viewer, filming(served):
        begun = time.monotonic()
        for _ in range(4):
            viewer.next("seen")
        assert time.monotonic() - begun > 1.2


def _frame() -> tuple[Pixels, "weakref.ref[Pixels]"]:
    pixels = np.zeros((48, 64, 3), np.uint8)
    return pixels, weakref.ref(pixels)


@pytest.mark.parametrize("watched", [False, True], ids=["nobody looks", "preview off"])
def test_frames_that_are_not_held(serve: Serve, watched: bool) -> None:
    """Only what is to be shown is kept: no frame is, with nobody to see it."""
    served = serve(preview=not watched)
    viewer = Viewer(served) if watched else None
    if viewer:
        viewer.next("hello")
    pixels, alive = _frame()
    served.web.see(make_turn(pixels))
    del pixels
    gc.collect()
    assert alive() is None
    if viewer:
        viewer.__exit__(None, None, None)


def test_frame_after_the_last_viewer(serve: Serve) -> None:
    """With the last one who looks the last frame goes."""
    served = serve(preview=True)
    pixels, alive = _frame()
    with Viewer(served) as viewer:
        viewer.next("hello")
        served.web.see(make_turn(pixels))
        viewer.next("seen")
    del pixels

    def gone() -> bool:
        gc.collect()
        return alive() is None

    _eventually(gone)


def test_several_viewers(serve: Serve) -> None:
    """All are told the same."""
    served = serve()
    viewers = [Viewer(served) for _ in range(5)]
    for viewer in viewers:
        viewer.next("hello")
    served.web.publish(make_event(1))
    served.web.publish(make_event(2))
    for viewer in viewers:
        assert [viewer.next("event")["seq"] for _ in range(2)] == [1, 2]
        viewer.__exit__(None, None, None)


def test_more_viewers_than_places(serve: Serve) -> None:
    """The last one is told so; a place that is left is free for the next."""
    served = serve()
    viewers = [Viewer(served) for _ in range(16)]
    for viewer in viewers:
        viewer.next("hello")
    with Viewer(served) as late:
        assert late.answer.status == 503
        assert late.answer.read() == b"Too many watch already.\n"
    assert served.ask("/healthz")[0] == 200
    viewers.pop().__exit__(None, None, None)

    def has_room() -> bool:
        with Viewer(served) as viewer:
            return viewer.answer.status == 200

    _eventually(has_room)
    for viewer in viewers:
        viewer.__exit__(None, None, None)


def test_stream_without_token(serve: Serve, token_file: str) -> None:
    """It is closed to strangers as everything is."""
    served = serve(token_file=token_file)
    with Viewer(served) as viewer:
        assert viewer.answer.status == 401
    with Viewer(served, Authorization=f"Bearer {TOKEN}") as viewer:
        viewer.next("hello")


def test_events_from_several_threads(serve: Serve) -> None:
    """None is lost while there is room, and each thread's keep their order."""
    served = serve()

    def publish(begin: int) -> None:
        for seq in range(begin, begin + 10):
            served.web.publish(make_event(seq))

    with Viewer(served) as viewer:
        viewer.next("hello")
        threads = [threading.Thread(target=publish, args=(k,)) for k in (100, 200, 300)]
        for thread in threads:
            thread.start()
        heard = [viewer.next("event")["seq"] for _ in range(30)]
    for begin in (100, 200, 300):
        mine = [seq for seq in heard if begin <= seq < begin + 10]
        assert mine == list(range(begin, begin + 10))
