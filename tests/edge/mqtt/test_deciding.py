"""What to say in the log, when to try again, what a broker means; time is given."""

import socket
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_edge.publishers.mqtt import reasons
from fer_edge.publishers.mqtt.news import RESTLESS, Line, News
from fer_edge.publishers.mqtt.reasons import Verdict
from fer_edge.publishers.mqtt.retries import Retries

_WELL = Line(True, "connected")
_REFUSED = Line(False, "refused")
_SLOW = Line(False, "no answer")


def _said(*moments: tuple[float, Line]) -> list[tuple[float, str]]:
    """Note lines at their times, look each tenth of a second, return what was said."""
    news = News(settled_seconds=10.0)
    said = []
    steps = dict(moments)
    for tenth in range(round(max(steps) * 10.0) + 1):
        now = tenth / 10.0
        if now in steps:
            news.note(steps[now], now)
        if line := news.due(now):
            said.append((now, line.text))
    return said


def test_news_of_tries() -> None:
    """However often it fails for a reason, that is said once."""
    assert _said(*((float(second), _REFUSED) for second in range(100))) == [
        (0.0, "refused")
    ]


def test_news_of_two_reasons_in_turn() -> None:
    """Each is said once."""
    turns = [(float(second), (_REFUSED, _SLOW)[second % 2]) for second in range(100)]
    assert _said(*turns) == [(0.0, "refused"), (1.0, "no answer")]


def test_news_of_outages_far_apart() -> None:
    """Each is said, and its end."""
    assert _said((0.0, _WELL), (20.0, _REFUSED), (21.0, _WELL), (40.0, _REFUSED)) == [
        (0.0, "connected"),
        (20.0, "refused"),
        (21.0, "connected"),
        (40.0, "refused"),
    ]


def test_news_of_an_outage_soon_after_the_start() -> None:
    """It is said at once, and its end."""
    assert _said((0.0, _WELL), (1.0, _REFUSED), (2.0, _WELL)) == [
        (0.0, "connected"),
        (1.0, "refused"),
        (2.0, "connected"),
    ]


@pytest.mark.parametrize("rest", [_WELL, _REFUSED])
@pytest.mark.parametrize("lines", [(_WELL, _REFUSED), (_REFUSED, _WELL)])
def test_news_of_a_connection_that_comes_and_goes(
    lines: tuple[Line, Line], rest: Line
) -> None:
    """It is said a few times, and how it stands when it has come to rest."""
    turns = [(float(second), lines[second % 2]) for second in range(41)]
    said = _said(*turns, (41.0, rest), (60.0, rest))
    assert said[:6] == [(second, line.text) for second, line in turns[:6]]
    assert said[6] == (6.0, RESTLESS.text)
    assert [text for _, text in said[7:]] == [rest.text]


def test_restless() -> None:
    """From when that was said until it has come to rest."""
    news = News(settled_seconds=10.0)
    found = []
    for second in range(20):
        news.note((_WELL, _REFUSED)[min(second, 8) % 2], float(second))
        news.due(float(second))
        found.append(news.restless)
    assert found == [False] * 6 + [True] * 12 + [False] * 2


def test_news_of_reasons_that_take_turns_with_a_connection() -> None:
    """However long it goes on, the log stays short."""
    lines = [_WELL, _REFUSED, _SLOW]
    turns = [(float(second), lines[second % 3]) for second in range(300)]
    assert len(_said(*turns)) <= 9


def _pauses(failures: int, chance: float) -> list[float]:
    retries = Retries(1.0, 60.0)
    found = []
    for _ in range(failures):
        retries.failed(100.0, chance)
        found.append(retries.pause(100.0))
    return found


def test_retries() -> None:
    """The first is due at once; pauses double up to the longest."""
    assert Retries(1.0, 60.0).pause(0.0) == 0.0
    assert _pauses(8, 0.0) == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


@given(st.floats(0.0, 1.0))
def test_retries_by_chance(chance: float) -> None:
    """Devices do not come at once, and none comes sooner than after half the pause."""
    for full, pause in zip(_pauses(8, 0.0), _pauses(8, chance), strict=True):
        assert full / 2.0 <= pause <= full


@pytest.mark.parametrize(("stood", "pause"), [(59.0, 4.0), (60.0, 1.0)])
def test_retries_after_a_connection(stood: float, pause: float) -> None:
    """Only one that has stood for as long as the longest pause is trusted again."""
    retries = Retries(1.0, 60.0)
    retries.failed(0.0, 0.0)
    retries.failed(0.0, 0.0)
    retries.connected(100.0)
    retries.failed(100.0 + stood, 0.0)
    assert retries.due == 100.0 + stood + pause


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0x00, Verdict.TAKEN),
        # Nobody listens.
        (0x10, Verdict.TAKEN),
        (0x80, Verdict.LATER),
        (0x87, Verdict.LATER),
        (0x97, Verdict.LATER),
        (0x95, Verdict.NEVER),
        (0x99, Verdict.NEVER),
    ],
)
def test_verdict(code: int, expected: Verdict) -> None:
    """Only what is the event's own fault is never tried again."""
    assert reasons.verdict(code) is expected


def _certificate(code: int) -> ssl.SSLCertVerificationError:
    failure = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] …")
    failure.verify_code, failure.verify_message = code, "something else"
    return failure


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (TimeoutError("timed out"), "no answer within 5 s"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "no such host"),
        (
            socket.gaierror(socket.EAI_AGAIN, "temporary"),
            "the host's name cannot be looked up now",
        ),
        (UnicodeError("label too long"), "no such host"),
        (ConnectionRefusedError(), "connection refused; no broker listens there"),
        (ConnectionResetError(), reasons.NO_WORD),
        (OSError(101, "Network is unreachable"), "network is unreachable"),
        (_certificate(9), "the broker's certificate is not valid yet; is this clock"),
        (_certificate(24), "the broker's certificate: something else"),
    ],
)
def test_reasons_of_failures(failure: Exception, expected: str) -> None:
    """Each is said in words that name what to look at."""
    assert reasons.of_failure(failure, 5.0).startswith(expected)


def test_reasons_of_refusals() -> None:
    """What can be mended in the configuration is named."""
    assert "mqtt.client_id" in reasons.of_refusal(0x85, "Client identifier not valid")
    assert reasons.of_refusal(0x88, "Server unavailable") == (
        "connection refused (server unavailable)"
    )
    assert "mqtt.node" in reasons.of_goodbye(0x8E, "Session taken over")
    assert reasons.of_goodbye(0x8B, "Server shutting down") == (
        "the broker ends the connection (server shutting down)"
    )
