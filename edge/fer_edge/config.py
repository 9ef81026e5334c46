"""The daemon's configuration: TOML in, frozen settings out.

Each section is the settings dataclass of the module that it configures; default,
range and meaning of a key stand there and nowhere else.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from fer_edge.cameras import settings as camera_settings
from fer_edge.cameras.settings import CameraSettings
from fer_edge.classifiers import ModelSettings
from fer_edge.detectors import DetectorSettings, missing_model
from fer_edge.episodes import EpisodeSettings
from fer_edge.errors import ConfigurationError
from fer_edge.models.signature import key_complaint
from fer_edge.options import read
from fer_edge.tracking import TrackingSettings


@dataclass(frozen=True, slots=True)
class Config:
    """All sections."""

    camera: CameraSettings = field(default_factory=CameraSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    faces: DetectorSettings = field(default_factory=DetectorSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    episodes: EpisodeSettings = field(default_factory=EpisodeSettings)


def load_config(path: Path) -> Config:
    """Read a configuration, of which the command line may still replace keys.

    Raises:
        ConfigurationError: no such file, not TOML, or mistaken keys, all of them.
    """
    config, mistakes = _read_file(path)
    _refuse(path, mistakes)
    return config


def check_config(path: Path) -> None:
    """Find out whether a configuration is enough to run.

    Raises:
        ConfigurationError: as from ``load_config``, with its complaints.
    """
    config, mistakes = _read_file(path)
    # A mistaken key stands at its default, of which there is nothing more to say.
    mistaken = {line.partition(": ")[0] for line in mistakes}
    mistakes += [
        line for line in complaints(config) if line.partition(": ")[0] not in mistaken
    ]
    _refuse(path, mistakes)


def complaints(config: Config) -> list[str]:
    """Say what keeps a configuration of allowed values from running, a line a key."""
    found = camera_settings.complaints(config.camera)
    if missing := missing_model(config.faces):
        found.append(missing)
    if complaint := key_complaint(config.model.public_key):
        found.append(complaint)
    return found


def _read_file(path: Path) -> tuple[Config, list[str]]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise ConfigurationError(f"{path}: {failure.strerror}") from failure
    except (ValueError, RecursionError) as mistake:
        raise ConfigurationError(f"{path}: not TOML ({mistake})") from mistake
    return read(Config, table)


def _refuse(path: Path, mistakes: list[str]) -> None:
    if mistakes:
        raise ConfigurationError(*(f"{path}: {line}" for line in mistakes))
