"""What the faces in view show now, as far as events have told it."""

from dataclasses import dataclass, replace

from fer_edge.events import Event, EventType


@dataclass(frozen=True, slots=True)
class Situation:
    """The episodes that go on, each by its last event.

    Every face has its own; nothing of one face is mixed with another's.
    """

    ongoing: tuple[Event, ...] = ()
    """In the order in which they began."""

    def after(self, event: Event) -> "Situation":
        """Return the situation that an event makes of this one."""
        known = any(ongoing.id == event.id for ongoing in self.ongoing)
        if event.type is EventType.UPDATE and known:
            news = tuple(event if e.id == event.id else e for e in self.ongoing)
            return replace(self, ongoing=news)
        others = tuple(e for e in self.ongoing if e.id != event.id)
        if event.type is EventType.END:
            return replace(self, ongoing=others)
        return replace(self, ongoing=(*others, event))

    @property
    def leading(self) -> Event | None:
        """The episode that one line has room for: the one that began last.

        Not the one with the best score, which would change hands without anything
        having happened.
        """
        return self.ongoing[-1] if self.ongoing else None
