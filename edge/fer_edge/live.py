"""The daemon: a configuration in; events, states and health out, until told to stop."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from fer_contract.command import complain
from fer_edge import reloading
from fer_edge.cameras.opening import open_camera
from fer_edge.classifiers import make_classifier
from fer_edge.config import Config, check_config
from fer_edge.controls import Controls
from fer_edge.loop import heed_hangups, run, stop_on_signals
from fer_edge.models.trial import open_model
from fer_edge.moment import read_clocks
from fer_edge.notify import Notifier, Supervised
from fer_edge.outbox.opening import open_outbox
from fer_edge.outlets import open_outlets
from fer_edge.start import assemble, described, summed_up


def serve(path: Path) -> None:
    """Run the daemon that a configuration file describes.

    Raises:
        FerError: a part that cannot be built or fails; the message names it.
    """
    begun = read_clocks()
    config = check_config(path)
    stop, hangup = stop_on_signals(), heed_hangups()
    controls = Controls(preview=config.http.preview)
    with ExitStack() as stack:
        notifier = stack.enter_context(closing(Notifier()))
        outbox = None
        if config.mqtt.host:
            # Let go of last, after the events of the end are in it.
            outbox = stack.enter_context(closing(open_outbox(config.outbox)))
        make = partial(make_classifier, config.model)
        classifier, trial = open_model(config.model, make)
        stack.enter_context(trial)
        stack.enter_context(closing(classifier))
        last_seq = outbox.last_seq if outbox else 0
        parts = assemble(config, classifier, last_seq)
        camera = open_camera(config.camera, datetime.now(UTC))
        outlets = open_outlets(config, parts, trial, outbox, controls, begun)
        complain(f"{described(parts, config.camera)}; purpose: {config.law.purpose}")
        supervised = Supervised(notifier, outlets.status, config.camera.give_up_seconds)
        summary = run(
            camera,
            parts.pipeline,
            outlets.publishers,
            stop,
            watches=[*outlets.watches, trial.see, supervised.see],
            notice=outlets.notice,
            controls=controls,
            between=[
                _Reloader(
                    path, config, hangup, [parts.reconfigure, outlets.reconfigure]
                ),
                supervised.show,
            ],
            ending=supervised.end,
        )
    complain(summed_up(summary))


class _Reloader:
    """Reads the configuration anew when that was asked for, between two frames.

    Args:
        path: of the file.
        config: what holds.
        asked: set whenever the file is to be read.
        parts: told of what holds from now on.
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        asked: threading.Event,
        parts: Sequence[Callable[[Config], None]],
    ) -> None:
        self._path, self._config = path, config
        self._asked, self._parts = asked, parts

    def __call__(self) -> None:
        if not self._asked.is_set():
            return
        self._asked.clear()
        result = reloading.reload(self._path, self._config)
        reloading.log(result.answers)
        self._config = result.config
        for reconfigure in self._parts:
            reconfigure(self._config)
