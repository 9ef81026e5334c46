"""What is held between the frame loop and those who watch: bounded, the newest."""

import asyncio
from datetime import UTC, datetime

from fer_edge.web.audience import Audience, message
from fer_edge.web.handover import MOST_EVENTS, Handover
from fer_edge.web.reports import Look
from web_served import make_event


def _look(width: int) -> Look:
    return Look(datetime.now(UTC), width, 1, (), None)


def test_nothing_left() -> None:
    """There is nothing to take, and nobody was woken."""
    woken: list[None] = []
    handover = Handover(lambda: woken.append(None))
    assert handover.take() == ((), None)
    assert woken == []


def test_taken_once() -> None:
    """Everything is taken, in order; of what is seen the newest alone."""
    handover = Handover(lambda: None)
    for seq in (1, 2, 3):
        handover.leave_event(make_event(seq))
        handover.leave_look(_look(seq))
    events, look = handover.take()
    assert [event.seq for event in events] == [1, 2, 3]
    assert look is not None
    assert look.width == 3
    assert handover.take() == ((), None)


def test_woken_once_until_taken() -> None:
    """A thread that is slow to come is not called a thousand times."""
    woken: list[None] = []
    handover = Handover(lambda: woken.append(None))
    for seq in range(1000):
        handover.leave_event(make_event(seq))
        handover.leave_look(_look(1))
    assert len(woken) == 1
    handover.take()
    handover.leave_look(_look(1))
    assert len(woken) == 2


def test_never_taken() -> None:
    """The oldest events go."""
    handover = Handover(lambda: None)
    for seq in range(1000):
        handover.leave_event(make_event(seq))
    events, _ = handover.take()
    assert [event.seq for event in events] == list(range(1000 - MOST_EVENTS, 1000))


def test_viewer_who_takes_nothing() -> None:
    """The newest events are kept for it, and one of each other kind."""

    async def watch() -> bytes | None:
        changes: list[bool] = []
        audience = Audience(1, changes.append)
        with audience.seat() as seat:
            assert audience.is_full
            for number in range(1000):
                audience.tell(message("event", {"n": number}))
                audience.show("seen", message("seen", {"n": number}))
                audience.show("status", message("status", {"n": number}))
            chunk = await seat.take()
        assert changes == [True, False]
        return chunk

    told = asyncio.run(watch())
    assert told is not None
    lines = [one.splitlines() for one in told.decode().split("\n\n") if one]
    events = [data for kind, data in lines if kind == "event: event"]
    assert events == [f'data: {{"n":{k}}}' for k in range(1000 - MOST_EVENTS, 1000)]
    others = [data for kind, data in lines if kind != "event: event"]
    assert others == ['data: {"n":999}'] * 2


def test_picture_that_several_wait_for() -> None:
    """One is made, and each gets it."""

    async def watch() -> list[bytes]:
        audience = Audience(1, lambda _watched: None)
        waiting = [asyncio.create_task(audience.next_picture()) for _ in range(3)]
        await asyncio.sleep(0)
        audience.give_picture(b"first")
        audience.give_picture(b"second")
        return await asyncio.gather(*waiting)

    assert asyncio.run(watch()) == [b"first"] * 3
