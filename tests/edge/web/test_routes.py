"""What is answered, asked by a real client."""

import json
import logging
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from fer_edge.errors import ConfigurationError
from fer_edge.monitor import Status
from fer_edge.outbox import OutboxState
from fer_edge.publishers.mqtt import BrokerState
from fer_edge.web import HttpSettings
from fer_edge.web.server import WebServer
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

_PATHS = (
    "/", "/healthz", "/readyz", "/metrics", "/api/info", "/api/status", "/api/events",
    "/api/stream", "/api/picture.jpg", "/?token=wrong", "/nowhere",
)  # fmt: skip


def _json(answer: tuple[int, Any, bytes]) -> Any:
    assert answer[1]["Content-Type"] == "application/json; charset=utf-8"
    return json.loads(answer[2])


def test_healthy(serve: Serve) -> None:
    """200, and nothing to complain of."""
    answer = serve().ask("/healthz")
    assert answer[0] == 200
    assert _json(answer) == {"healthy": True, "problems": [], "notes": []}


def test_unhealthy(serve: Serve) -> None:
    """503, with a line a problem."""
    broker = BrokerState(connected=False, since=-1e9, reason="refused")
    outbox = OutboxState(1, 0, durable=False, reason="disk full")
    served = serve(make_status(outbox=outbox, broker=broker, frame_age_seconds=99.0))
    answer = served.ask("/healthz")
    assert answer[0] == 503
    health = _json(answer)
    assert not health["healthy"]
    parts = [problem["part"] for problem in health["problems"]]
    assert parts == ["camera", "outbox", "broker"]
    assert health["problems"][0]["text"] == "no frame for 99 s; allowed is 30 s"


def test_health_again(serve: Serve) -> None:
    """What is mended is healthy at the next question."""
    served = serve(make_status(frame_age_seconds=99.0))
    assert served.ask("/healthz")[0] == 503
    served.status = make_status()
    assert served.ask("/healthz")[0] == 200


def test_other_limits(serve: Serve) -> None:
    """They hold from the next question on, without a restart."""
    served = serve(make_status(frame_age_seconds=99.0))
    assert served.ask("/healthz")[0] == 503
    served.web.reconfigure(HttpSettings(stale_frame_seconds=100.0))
    assert served.ask("/healthz")[0] == 200


def test_ready(serve: Serve) -> None:
    """From the first frame on."""
    served = serve(make_status(frames=0))
    assert served.ask("/readyz")[0] == 503
    served.status = make_status(frames=1)
    answer = served.ask("/readyz")
    assert answer[0] == 200
    assert _json(answer) == {"ready": True}


def test_info(serve: Serve) -> None:
    """Labels are the model's, in its order."""
    info = _json(serve().ask("/api/info"))
    assert info["labels"] == ["happy", "sad", "surprise", "neutral"]
    assert (info["camera"], info["uncertain"]) == ("döör", "uncertain")
    assert info["purpose"] == "testing"
    assert info["started_at"] == "2026-01-01T12:00:00.000Z"


def test_status_before_the_first_frame(serve: Serve) -> None:
    """What has not been yet is null: JSON has no infinity."""
    never = float("inf")
    status = make_status(
        frame_age_seconds=never, processed_age_seconds=never, last_frame_at=None
    )
    answer = serve(status).ask("/api/status")
    report = _json(answer)
    assert report["frame_age_seconds"] is None
    assert report["last_frame_at"] is None
    assert report["health"]["healthy"] is False


def test_metrics(serve: Serve) -> None:
    """Prometheus' own content type, and what is asked for most."""
    status, headers, body = serve().ask("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert b"\nfer_edge_camera_fps 29.9\n" in body


def test_events(serve: Serve) -> None:
    """The last fifty, as they were published, the newest behind."""
    served = serve()
    with Viewer(served) as viewer:
        viewer.next("hello")
        for seq in range(1, 71):
            served.web.publish(make_event(seq))
        while viewer.next("event")["seq"] < 70:
            pass
    told = _json(served.ask("/api/events"))["events"]
    assert [event["seq"] for event in told] == list(range(21, 71))
    assert told[-1] == json.loads(make_event(70).to_json())


def test_picture_while_the_preview_is_off(serve: Serve) -> None:
    """There is none, and the answer says why."""
    status, headers, body = serve().ask("/api/picture.jpg")
    assert (status, headers["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert body == b"The preview is off: no picture leaves this process.\n"


def test_unknown_path(serve: Serve) -> None:
    """404."""
    assert serve().ask("/nowhere")[0] == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/stream", "/login"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(serve: Serve, path: str, method: str) -> None:
    """Nothing can be changed over HTTP; the form alone is posted."""
    status, headers, _ = serve().ask(path, method, "")
    if (path, method) == ("/login", "POST"):
        assert status == 415
    else:
        assert status == 405
        assert "GET" in headers["Allow"] or headers["Allow"] == "POST"
    assert "Access-Control-Allow-Origin" not in headers


def test_head(serve: Serve) -> None:
    """Whoever only asks whether it is there gets no body."""
    status, _, body = serve().ask("/healthz", "HEAD")
    assert (status, body) == (200, b"")
    assert serve().ask("/api/stream", "HEAD")[0] == 405


@pytest.mark.parametrize("path", _PATHS[:-4])
def test_headers(serve: Serve, path: str) -> None:
    """Nothing is kept, framed, embedded or guessed at; no other site may read it."""
    _, headers, _ = serve().ask(path, Origin="http://evil.example")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Server"] == "fer-edge"
    assert not [name for name in headers if name.startswith("Access-Control")]


def test_page(serve: Serve) -> None:
    """Its script and style are named by digest, and nothing comes from elsewhere."""
    status, headers, body = serve().ask("/")
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'sha256-" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    text = body.decode().replace("http://www.w3.org/2000/svg", "")
    assert "//" not in text.replace("// ", "")


@pytest.mark.parametrize("path", _PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_no_token(serve: Serve, token_file: str, path: str, method: str) -> None:
    """401 for everything, be it there or not, and not a word of what there is."""
    status, headers, body = serve(token_file=token_file).ask(path, method)
    assert status == 401
    assert headers["WWW-Authenticate"] == "Bearer"
    assert "Set-Cookie" not in headers
    if path.startswith("/?") or path == "/":
        assert (b"<form" in body) == (method == "GET")
        assert "döör".encode() not in body
    else:
        assert body == (b"" if method == "HEAD" else b"Unauthorized\n")


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN, "Bearer é"],
)
def test_wrong_token(serve: Serve, token_file: str, authorization: str) -> None:
    """As no token."""
    served = serve(token_file=token_file)
    status, _, body = served.ask("/api/info", Authorization=authorization)
    assert (status, body) == (401, b"Unauthorized\n")


def test_right_token(serve: Serve, token_file: str) -> None:
    """In the header it opens every path, whatever name led here."""
    served = serve(token_file=token_file)
    bearer = f"Bearer {TOKEN}"
    answer = served.ask("/api/info", Authorization=bearer, Host="pi.example")
    assert answer[0] == 200
    assert served.ask("/nowhere", Authorization=bearer)[0] == 404


def test_token_in_the_address(serve: Serve, token_file: str) -> None:
    """It becomes a cookie, and leaves the address line."""
    served = serve(token_file=token_file)
    status, headers, _ = served.ask(f"/?token={TOKEN}")
    assert (status, headers["Location"]) == (303, "/")
    _check_cookie(served, headers["Set-Cookie"])
    # Only there: an address of the API is for programs, which have the header.
    assert served.ask(f"/api/info?token={TOKEN}")[0] == 401


def test_form(serve: Serve, token_file: str) -> None:
    """The token in it becomes a cookie; a wrong one leads back to the form."""
    served = serve(token_file=token_file)
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    status, headers, _ = served.ask("/login", "POST", "token=wrong", **kind)
    assert (status, headers["Location"]) == (303, "/#wrong")
    assert "Set-Cookie" not in headers
    status, headers, _ = served.ask("/login", "POST", f"token={TOKEN}", **kind)
    assert (status, headers["Location"]) == (303, "/")
    _check_cookie(served, headers["Set-Cookie"])
    assert served.ask("/login", "POST", "x" * 5000, **kind)[0] == 413


def _check_cookie(served: Served, cookie: str) -> None:
    pair, *rules = cookie.split("; ")
    assert TOKEN not in cookie
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(rules)
    status, _, body = served.ask("/", Cookie=pair)
    assert status == 200
    assert b"EventSource" in body
    assert served.ask("/api/info", Cookie=pair + "0")[0] == 401


@pytest.mark.parametrize("path", ["/", "/api/info", "/nowhere"])
def test_dns_rebinding(serve: Serve, path: str) -> None:
    """Where no token is asked for, another site's name does not lead here."""
    status, _, body = serve().ask(path, Host="evil.example:8080")
    assert (status, b"127.0.0.1" in body) == (421, True)


def test_other_sites_page(serve: Serve) -> None:
    """It may not take up places here, behind the back of its reader."""
    served = serve()
    foreign = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
    assert served.ask("/api/stream", **foreign)[0] == 403
    assert served.ask("/", Sec_Fetch_Site="none", Sec_Fetch_Mode="navigate")[0] == 200


def test_port_that_is_taken(serve: Serve) -> None:
    """One line, with port and address."""
    served = serve()
    settings = HttpSettings(port=served.web.port)
    with pytest.raises(ConfigurationError) as caught:
        WebServer(settings, make_status, served.controls)
    assert str(caught.value) == (
        f"http.port: {served.web.port}; 127.0.0.1 does not give it: "
        "Address already in use"
    )


def test_beyond_loopback_without_token(serve: Serve) -> None:
    """It does not even listen."""
    with pytest.raises(ConfigurationError, match=r"^http\.token_file: empty"):
        serve(bind="0.0.0.0")


def test_ipv6(serve: Serve, token_file: str) -> None:
    """Bound to ``::`` it answers on IPv4 too, as people expect of Linux."""
    served = serve(bind="::", token_file=token_file)
    assert served.ask("/healthz", Authorization=f"Bearer {TOKEN}")[0] == 200


def test_status_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A mistake of ours is answered by 500 without detail, logged, and survived."""

    class Broken(Served):
        def _tell(self) -> Status:
            if self.status.frames == 0:
                raise ZeroDivisionError("of the test")
            return super()._tell()

    served = Broken(make_status(frames=0))
    try:
        status, _, body = served.ask("/readyz")
        assert (status, b"of the test" in body) == (500, False)
        assert "ZeroDivisionError: of the test" in caplog.text
        served.status = make_status()
        assert served.ask("/readyz")[0] == 200
    finally:
        served.web.close()


def test_closed(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The port is free again, and what comes later is passed over in silence."""
    caplog.set_level(logging.DEBUG)
    served = serve()
    with Viewer(served) as viewer:
        viewer.next("hello")
        served.web.close()
        served.web.close()
        assert list(viewer.messages()) == []  # ended, not torn off
    served.web.publish(make_event())
    served.web.see(make_turn())
    with pytest.raises(ConnectionRefusedError):
        served.ask("/healthz")
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_picture(serve: Serve) -> None:
    """With the preview on it is the next frame, a JPEG."""
    served = serve(preview=True, preview_frames_per_second=30.0)
    frame = np.full((48, 64, 3), (10, 200, 30), np.uint8)
    with filming(served, frame):
        status, headers, body = served.ask("/api/picture.jpg")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    seen = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert np.abs(seen.astype(int) - frame).max() <= 3
