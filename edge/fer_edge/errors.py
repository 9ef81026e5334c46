"""What can keep the device from its work, beside the contract's own errors."""

from fer_contract.errors import FerError


class CameraError(FerError):
    """A camera, file or folder that gives no frames."""


class ConfigurationError(FerError):
    """A configuration with one or more mistakes, a line each."""
