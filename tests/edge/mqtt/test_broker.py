"""Events and states, through a real mosquitto."""

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from broker import Broker, Watcher, await_that
from fer_edge.events import EventType
from fer_edge.publishers.mqtt.settings import MqttSettings
from mqtt_stage import ROOT, DeviceStage, ListOutbox, event
from relay import Relay


def _seqs(watcher: Watcher) -> list[int]:
    return [json.loads(text)["seq"] for text in watcher.of(f"{ROOT}/events")]


def test_first_words(watcher: Watcher, settings: MqttSettings) -> None:
    """All that is now comes first, "online" then, and events after it."""
    with DeviceStage(settings) as device:
        device.publish([1])
        await_that(lambda: _seqs(watcher) == [1])
    topics = [seen.topic.removeprefix(f"{ROOT}/") for seen in watcher.messages]
    states = {"status", "emotion/attributes", "emotion/state", "faces"}
    assert set(topics[: topics.index("available")]) == states
    assert topics.index("events") > topics.index("available")
    watcher.await_payload(f"{ROOT}/available", "stopped")
    assert watcher.of(f"{ROOT}/available") == ["online", "stopped"]


def test_events(
    watcher: Watcher, settings: MqttSettings, event_judge: Draft202012Validator
) -> None:
    """Each arrives once, in order, as the published schema says, and is confirmed."""
    with DeviceStage(settings) as device:
        await_that(lambda: device.connected)
        device.publish(range(1, 101))
        await_that(lambda: len(_seqs(watcher)) >= 100)
        await_that(lambda: not device.outbox.events)
        assert device.publisher.state.confirmed == 100
    assert _seqs(watcher) == list(range(1, 101))
    for text in watcher.of(f"{ROOT}/events"):
        event_judge.validate(json.loads(text))
        assert not json.loads(text)["replayed"]


def test_one_emotion_after_another(watcher: Watcher, settings: MqttSettings) -> None:
    """Between two that one frame ends and begins there is no third state."""
    with DeviceStage(settings) as device:
        await_that(lambda: device.connected)
        told = ["none"]
        for seq in range(1, 21):
            emotion = ("happy", "sad")[seq % 2]
            kinds = (EventType.END, EventType.NEW) if seq > 1 else (EventType.NEW,)
            for kind in kinds:
                ends = kind is EventType.END
                device.publisher.publish(
                    event(
                        seq,
                        told[-1] if ends else emotion,
                        kind=kind,
                        episode=f"door-{seq - 1 if ends else seq}",
                    )
                )
            told.append(emotion)
            watcher.await_payload(f"{ROOT}/emotion/state", emotion, told.count(emotion))
    watcher.await_payload(f"{ROOT}/available", "stopped")
    assert watcher.of(f"{ROOT}/emotion/state") == told


def test_states_for_whoever_comes_later(broker: Broker, settings: MqttSettings) -> None:
    """Everything but events and figures is retained, and says what is now."""
    with DeviceStage(settings) as device:
        with Watcher(broker.port) as early:
            device.publisher.publish(event(1, "sad", track=7))
            early.await_payload(f"{ROOT}/emotion/state", "sad")
            early.await_payload(f"{ROOT}/available", "online")
            await_that(lambda: early.of(f"{ROOT}/stats"))
        await_that(lambda: not device.outbox.events)
        with Watcher(broker.port) as late:
            late.await_payload(f"{ROOT}/emotion/state", "sad")
            late.await_payload(f"{ROOT}/available", "online")
            seen = {one.topic.removeprefix(f"{ROOT}/"): one for one in late.messages}
    assert all(one.retained for one in seen.values())
    assert set(seen) == {
        "available", "status", "emotion/state", "emotion/attributes", "faces",
    }  # fmt: skip
    attributes = json.loads(seen["emotion/attributes"].payload)
    assert attributes["track"] == 7
    status = json.loads(seen["status"].payload)
    assert (status["camera"], status["version"]) == ("door", "1.2.3")


def test_figures(watcher: Watcher, settings: MqttSettings) -> None:
    """They come with the connection and then time after time."""
    with DeviceStage(replace(settings, stats_seconds=1.0)):
        await_that(lambda: len(watcher.of(f"{ROOT}/stats")) >= 2)
    assert json.loads(watcher.of(f"{ROOT}/stats")[0])["outbox"]["waiting"] == 0


def test_clean_end(watcher: Watcher, settings: MqttSettings) -> None:
    """What waits is sent, the emotion is over, and "stopped" is the last word."""
    with DeviceStage(settings) as device:
        await_that(lambda: device.connected)
        device.publish(range(1, 51))
        device.publisher.publish(event(51, kind=EventType.END, episode="door-50"))
    assert device.outbox.events == []
    watcher.await_payload(f"{ROOT}/available", "stopped")
    assert _seqs(watcher) == list(range(1, 52))
    assert watcher.of(f"{ROOT}/available") == ["online", "stopped"]


def test_end_by_a_failure(watcher: Watcher, settings: MqttSettings) -> None:
    """What waits is sent, and the device is offline, not stopped."""
    with DeviceStage(settings) as device:
        await_that(lambda: device.connected)
        device.publish(range(1, 6))
        device.publisher.fail()
    watcher.await_payload(f"{ROOT}/available", "offline")
    assert _seqs(watcher) == list(range(1, 6))
    assert watcher.of(f"{ROOT}/available") == ["online", "offline"]


def test_short_run(watcher: Watcher, settings: MqttSettings) -> None:
    """It is no shorter than its first connection: all that waits is sent."""
    with DeviceStage(settings) as device:
        device.publish(range(1, 51))
    assert device.outbox.events == []
    watcher.await_payload(f"{ROOT}/available", "stopped")
    assert _seqs(watcher) == list(range(1, 51))


def test_last_will(watcher: Watcher, settings: MqttSettings) -> None:
    """A device that is lost is offline."""
    with (
        Relay(settings.port) as relay,
        DeviceStage(replace(settings, port=relay.port)) as device,
    ):
        await_that(lambda: device.connected)
        relay.cut()
        watcher.await_payload(f"{ROOT}/available", "offline")
        relay.mend()
        watcher.await_payload(f"{ROOT}/available", "online", times=2)


def test_availability_after_a_broker_restart(
    broker: Broker, settings: MqttSettings
) -> None:
    """It is online again, though the broker has forgotten all (zigbee2mqtt#4854)."""
    with DeviceStage(settings) as device:
        await_that(lambda: device.connected)
        broker.kill()
        await_that(lambda: not device.connected)
        broker.start()
        await_that(lambda: device.connected)
        with Watcher(broker.port) as late:
            late.await_payload(f"{ROOT}/available", "online")
            late.await_payload(f"{ROOT}/emotion/state", "none")


def test_broker_killed_in_mid_stream(broker: Broker, settings: MqttSettings) -> None:
    """No event is lost, none overtakes another, and what may come twice is marked."""
    with Relay(broker.port) as relay:
        sent = 0
        got = []
        with DeviceStage(replace(settings, port=relay.port)) as device:
            for _ in range(3):
                # Nobody is missed: the device comes when somebody looks on.
                with Watcher(broker.port) as watcher:
                    relay.mend()
                    await_that(lambda: device.connected)
                    device.publish(range(sent + 1, sent + 201))
                    sent += 200
                    await_that(lambda: len(watcher.of(f"{ROOT}/events")) >= 20)
                    broker.kill()
                    watcher.await_end()
                    relay.cut()
                    await_that(lambda: not device.connected)
                    got += watcher.of(f"{ROOT}/events")
                broker.start()
            with Watcher(broker.port) as watcher:
                relay.mend()
                await_that(lambda: not device.outbox.events)
                got += watcher.of(f"{ROOT}/events")
    events = [json.loads(text) for text in got]
    first_seen: dict[int, int] = {}
    for place, one in enumerate(events):
        if one["seq"] in first_seen:
            assert one["replayed"], f"{one['seq']} came twice and is not marked"
        first_seen.setdefault(one["seq"], place)
    assert list(first_seen) == list(range(1, sent + 1))


def test_events_lost_at_qos_0(watcher: Watcher, settings: MqttSettings) -> None:
    """Those of an outage come later, marked so (zmeventnotification#191)."""
    with (
        Relay(settings.port) as relay,
        DeviceStage(replace(settings, port=relay.port)) as device,
    ):
        await_that(lambda: device.connected)
        relay.cut()
        await_that(lambda: not device.connected)
        device.publish(range(1, 31))
        relay.mend()
        await_that(lambda: len(_seqs(watcher)) >= 30)
    assert _seqs(watcher) == list(range(1, 31))
    events = [json.loads(text) for text in watcher.of(f"{ROOT}/events")]
    assert all(one["replayed"] for one in events)


def test_restart_with_events_waiting(watcher: Watcher, settings: MqttSettings) -> None:
    """Those of an earlier run come first, marked; the new ones are not."""
    before = ListOutbox()
    for seq in range(1, 6):
        before.put(event(seq))
    with DeviceStage(settings, outbox=ListOutbox(before.events)) as device:
        await_that(lambda: device.connected)
        device.publish([6])
        await_that(lambda: len(_seqs(watcher)) >= 6)
    events = [json.loads(text) for text in watcher.of(f"{ROOT}/events")]
    assert [(one["seq"], one["replayed"]) for one in events] == [
        *((seq, True) for seq in range(1, 6)),
        (6, False),
    ]


def test_one_window_for_all_faces(watcher: Watcher, settings: MqttSettings) -> None:
    """Each face has an emotion and a score of its own (face_classification#135)."""
    with DeviceStage(settings) as device:
        device.publisher.publish(event(1, "happy", track=1))
        device.publisher.publish(event(2, "sad", track=2))
        watcher.await_payload(f"{ROOT}/emotion/state", "sad")
    faces = json.loads(watcher.of(f"{ROOT}/emotion/attributes")[-1])["faces"]
    assert {face["track"]: face["emotion"] for face in faces} == {1: "happy", 2: "sad"}


@pytest.mark.parametrize("order", ["OFF", "ON"])
def test_commands(watcher: Watcher, settings: MqttSettings, order: str) -> None:
    """They turn the switches, whose state is told."""
    with DeviceStage(replace(settings, commands=True)) as device:
        device.controls.detect = device.controls.preview = order == "OFF"
        await_that(lambda: device.connected)
        for switch in ("detect", "preview"):
            watcher.send(f"{ROOT}/{switch}/set", order)
            watcher.await_payload(f"{ROOT}/{switch}/state", order)
        # A state may have been told before the line above that sets both.
        switches, on = device.controls, order == "ON"
        await_that(lambda: switches.detect is switches.preview is on, order)


def test_commands_not_allowed(watcher: Watcher, settings: MqttSettings) -> None:
    """Without the setting nobody listens to them, and no switch is shown."""
    with DeviceStage(settings) as device:
        await_that(lambda: device.connected)
        watcher.send(f"{ROOT}/detect/set", "OFF")
        device.publish([1])
        await_that(lambda: _seqs(watcher) == [1])
        assert device.controls.detect
    assert watcher.of(f"{ROOT}/detect/state") == []


def test_retained_command(
    watcher: Watcher, settings: MqttSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """It would switch off at each start: it is passed over, and told of once."""
    watcher.send(f"{ROOT}/detect/set", "OFF", retained=True)
    with DeviceStage(replace(settings, commands=True)) as device:
        await_that(lambda: "retained" in caplog.text)
        assert device.controls.detect
