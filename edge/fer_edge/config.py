"""The daemon's configuration: TOML in, frozen settings out.

Each section is the settings dataclass of the module that it configures; default,
range and meaning of a key stand there and nowhere else.
"""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from fer_edge import law, web
from fer_edge.cameras import settings as camera_settings
from fer_edge.cameras.settings import CameraSettings
from fer_edge.classifiers import ModelSettings
from fer_edge.detectors import DetectorSettings, missing_model
from fer_edge.episodes import EpisodeSettings
from fer_edge.errors import ConfigurationError
from fer_edge.law import LawSettings
from fer_edge.models.signature import key_complaint
from fer_edge.options import key_of, read, spelled
from fer_edge.outbox import OutboxSettings
from fer_edge.publishers import hook
from fer_edge.publishers.hook import HookSettings
from fer_edge.publishers.json_lines import JsonLinesSettings
from fer_edge.publishers.mqtt import settings as mqtt_settings
from fer_edge.publishers.mqtt.settings import HomeAssistantSettings, MqttSettings
from fer_edge.toml_lines import key_lines
from fer_edge.tracking import TrackingSettings
from fer_edge.web import HttpSettings


@dataclass(frozen=True, slots=True)
class Config:
    """All sections."""

    camera: CameraSettings = field(default_factory=CameraSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    faces: DetectorSettings = field(default_factory=DetectorSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    episodes: EpisodeSettings = field(default_factory=EpisodeSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    home_assistant: HomeAssistantSettings = field(default_factory=HomeAssistantSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    json_lines: JsonLinesSettings = field(default_factory=JsonLinesSettings)
    law: LawSettings = field(default_factory=LawSettings)
    hooks: tuple[HookSettings, ...] = ()


def sections(config: Config) -> Iterator[tuple[str, object]]:
    """Yield the settings of every section, those of an array as ``hooks[0]``."""
    for part in fields(config):
        settings = getattr(config, part.name)
        if isinstance(settings, tuple):
            for index, item in enumerate(settings):
                yield spelled((part.name, index)), item
        else:
            yield part.name, settings


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a file."""

    text: str
    """Key, value seen, what is allowed."""
    line: int | None
    """Where it stands, from 1, if that is known."""

    @property
    def key(self) -> str:
        """What it is about."""
        return key_of(self.text)

    def of(self, path: Path) -> str:
        """Name the place as compilers do, so that editors jump there."""
        place = f"{path}:{self.line}" if self.line else f"{path}"
        return f"{place}: {self.text}"


def load_config(path: Path) -> Config:
    """Read a configuration, of which the command line may still replace keys.

    Raises:
        ConfigurationError: no such file, not TOML, or mistaken keys, all of them.
    """
    text, config, lines = _read_file(path)
    _refuse(path, _placed(lines, text))
    return config


def check_config(path: Path) -> Config:
    """Read a configuration that is enough to run.

    Raises:
        ConfigurationError: as from ``load_config``, with its complaints.
    """
    config, mistakes = examine(path)
    _refuse(path, mistakes)
    return config


def examine(path: Path) -> tuple[Config, list[Mistake]]:
    """Read a configuration, and find all that keeps it from running.

    Raises:
        ConfigurationError: no such file, or not TOML.
    """
    text, config, lines = _read_file(path)
    # A mistaken key stands at its default, of which there is nothing more to say.
    mistaken = {key_of(line) for line in lines}
    lines += [line for line in complaints(config) if key_of(line) not in mistaken]
    return config, _placed(lines, text)


def complaints(config: Config) -> list[str]:
    """Say what keeps a configuration of allowed values from running, a line a key."""
    found = complaints_of_pipeline(config)
    found += mqtt_settings.complaints(config.mqtt, config.home_assistant)
    found += web.complaints(config.http)
    found += hook.complaints(config.hooks)
    found += law.complaints(config.law)
    return found


def complaints_of_pipeline(config: Config) -> list[str]:
    """As complaints, of what makes events of frames: all that a recording needs."""
    found = camera_settings.complaints(config.camera)
    if missing := missing_model(config.faces):
        found.append(missing)
    if complaint := key_complaint(config.model.public_key):
        found.append(complaint)
    return found


def _read_file(path: Path) -> tuple[str, Config, list[str]]:
    try:
        # Some editors begin a file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
        table = tomllib.loads(text)
    except OSError as failure:
        raise ConfigurationError(f"{path}: {failure.strerror}") from failure
    except (ValueError, RecursionError) as failure:
        found = re.search(r"\(at line ([0-9]+), column [0-9]+\)$", str(failure))
        line = int(found[1]) if found else None
        mistake = Mistake(f"not TOML ({failure})", line)
        raise ConfigurationError(mistake.of(path)) from failure
    return text, *read(Config, table)


def _placed(lines: Sequence[str], text: str) -> list[Mistake]:
    """Find the place of each mistake, in whose order they are returned."""
    if not lines:
        return []
    places = {spelled(key): number for key, number in key_lines(text).items()}
    found = [Mistake(line, _place(key_of(line), places)) for line in lines]
    return sorted(found, key=lambda mistake: mistake.line or math.inf)


def _place(key: str, places: Mapping[str, int]) -> int | None:
    """Return the line of a key, or of the section in which it is missing."""
    while key and key not in places:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return places.get(key)


def _refuse(path: Path, mistakes: Sequence[Mistake]) -> None:
    if mistakes:
        raise ConfigurationError(*(mistake.of(path) for mistake in mistakes))
