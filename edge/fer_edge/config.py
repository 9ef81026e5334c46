"""The daemon's configuration: TOML in, frozen settings out.

Each section is the settings dataclass of the module that it configures; default,
range and meaning of a key stand there and nowhere else.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from fer_edge.detectors import DetectorSettings
from fer_edge.episodes import EpisodeSettings
from fer_edge.errors import ConfigurationError
from fer_edge.options import option, read
from fer_edge.tracking import TrackingSettings


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """``[camera]``."""

    source: str = option("")
    """Path of a video, a picture, or a folder of pictures."""
    name: str = option("camera", filled=True)
    """What events call it."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """``[model]``."""

    bundle: str = option("")
    """Directory that fer-convert made."""


@dataclass(frozen=True, slots=True)
class Config:
    """All sections."""

    camera: CameraSettings = field(default_factory=CameraSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    faces: DetectorSettings = field(default_factory=DetectorSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    episodes: EpisodeSettings = field(default_factory=EpisodeSettings)


def load_config(path: Path) -> Config:
    """Read a configuration.

    Raises:
        ConfigurationError: no such file, not TOML, or mistaken keys, all of them.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise ConfigurationError(f"{path}: {failure.strerror}") from failure
    except (ValueError, RecursionError) as mistake:
        raise ConfigurationError(f"{path}: not TOML ({mistake})") from mistake
    config, mistakes = read(Config, table)
    if mistakes:
        raise ConfigurationError(*(f"{path}: {line}" for line in mistakes))
    return config
