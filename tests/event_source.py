"""A device without a camera, which tells a broker of so many events in all.

    python tests/event_source.py OUTBOX PORT TOTAL

Killed and started again it goes on behind the last event that was stored.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from fer_edge.controls import Controls
from fer_edge.moment import read_clocks
from fer_edge.monitor import Monitor
from fer_edge.outbox import OutboxSettings
from fer_edge.outbox.opening import open_outbox
from fer_edge.publishers.mqtt.publisher import MqttPublisher
from fer_edge.publishers.mqtt.settings import HomeAssistantSettings
from mqtt_stage import ABOUT, CPU, HASTY, event

_AT_ONCE = 10
_PAUSE_SECONDS = 0.005


def main(path: Path, port: int, total: int) -> None:
    """Publish what is missing, and wait until it has arrived."""
    outbox = open_outbox(OutboxSettings(path=str(path)))
    controls = Controls()
    monitor = Monitor(ABOUT, read_clocks(), controls, lambda: CPU)
    publisher = MqttPublisher(
        replace(HASTY, port=port),
        HomeAssistantSettings(),
        outbox,
        lambda: monitor.status(read_clocks()),
        controls,
    )
    publisher.start()
    for seq in range(outbox.last_seq + 1, total + 1):
        publisher.publish(event(seq))
        if seq % _AT_ONCE == 0:
            time.sleep(_PAUSE_SECONDS)
    while outbox.state.waiting:
        time.sleep(_PAUSE_SECONDS)
    publisher.close()
    outbox.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
