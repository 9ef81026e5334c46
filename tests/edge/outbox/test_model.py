"""Any story of an outbox, against a list in which the same happens."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from edgetpu_stage import eventually
from fer_edge.outbox import Outbox, OutboxSettings
from fer_edge.outbox.opening import open_outbox
from outbox_writer import event, seq_of, seqs


class Story(RuleBasedStateMachine):
    """What is put and not confirmed waits, in order, up to the bound."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.seq = 0
        self.wanted: list[int] = []
        self.dropped = 0

    @initialize(durable=st.booleans(), most=st.integers(1, 30))
    def begin(self, durable: bool, most: int) -> None:
        self.settings = OutboxSettings(
            durable=durable,
            path=str(Path(self.folder.name, "outbox.sqlite")),
            max_events=most,
        )
        self.outbox: Outbox = open_outbox(self.settings)

    @rule(count=st.integers(1, 40))
    def put(self, count: int) -> None:
        for _ in range(count):
            self.seq += 1
            self.outbox.put(event(self.seq))
            self.wanted.append(self.seq)
        excess = max(len(self.wanted) - self.settings.max_events, 0)
        self.dropped += excess
        del self.wanted[:excess]
        eventually(lambda: seqs(self.outbox)[-1:] == self.wanted[-1:])

    @rule(choice=st.sets(st.integers(0, 30)))
    def confirm(self, choice: set[int]) -> None:
        waiting = self.outbox.waiting(0, 100)
        chosen = [waiting[index] for index in choice if index < len(waiting)]
        self.outbox.confirm(stored.position for stored in chosen)
        arrived = {seq_of(stored) for stored in chosen}
        self.wanted = [seq for seq in self.wanted if seq not in arrived]

    @rule()
    def confirm_what_never_was(self) -> None:
        self.outbox.confirm((10**9,))

    @precondition(lambda self: self.settings.durable)
    @rule(most=st.integers(1, 30))
    def reopen(self, most: int) -> None:
        self.outbox.close()
        self.settings = OutboxSettings(path=self.settings.path, max_events=most)
        self.outbox = open_outbox(self.settings)
        assert self.outbox.last_seq == self.seq
        self.dropped = max(len(self.wanted) - most, 0)
        del self.wanted[: self.dropped]
        eventually(lambda: self.outbox.state.dropped == self.dropped)

    @rule(after=st.integers(0, 30), limit=st.integers(1, 30))
    def look_behind(self, after: int, limit: int) -> None:
        waiting = self.outbox.waiting(0, 100)
        if after < len(waiting):
            found = self.outbox.waiting(waiting[after].position, limit)
            assert found == waiting[after + 1 : after + 1 + limit]

    @invariant()
    def the_same_waits(self) -> None:
        assert seqs(self.outbox) == self.wanted
        positions = [stored.position for stored in self.outbox.waiting(0, 100)]
        assert positions == sorted(set(positions))

    @invariant()
    def the_same_is_dropped(self) -> None:
        state = self.outbox.state
        assert (state.waiting, state.dropped) == (len(self.wanted), self.dropped)

    def teardown(self) -> None:
        self.outbox.close()
        self.folder.cleanup()


Story.TestCase.settings = settings(max_examples=30, stateful_step_count=20)
TestStory = Story.TestCase
