"""What can keep the device from its work, beside the contract's own errors."""

from fer_contract.errors import FerError, one_line


class CameraError(FerError):
    """A camera, file or folder that gives no frames."""


class OutputError(FerError):
    """A file that was asked for and cannot be written."""


class CameraLostError(CameraError):
    """A live camera that is not there now and may come back.

    The daemon has waited for it; its exit code asks systemd to start it anew.
    """

    exit_code = 3


class ConfigurationError(FerError):
    """A configuration with one or more mistakes, an argument and a line each."""

    def __str__(self) -> str:
        return "\n".join(one_line(mistake) for mistake in self.args)
