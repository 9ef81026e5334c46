"""The folder in which the device keeps what must outlast the program."""

import os
from collections.abc import Mapping
from pathlib import Path

SYSTEM = Path("/var/lib/fer-edge")
"""The service's, and root's."""


def state_directory(
    environment: Mapping[str, str] | None = None, user: int | None = None
) -> Path:
    """Return the folder, which may not exist yet.

    It is what systemd gives a service with ``StateDirectory=fer-edge``. For root it is
    the same one, ``SYSTEM``, so that what ``sudo fer-edge models …`` puts there
    is found by the service. For anyone else it is where XDG says that a user's programs
    keep their data.

    Args:
        environment: this process' own if not given.
        user: number of the user, this process' own if not given.
    """
    environment = os.environ if environment is None else environment
    user = os.geteuid() if user is None else user
    # systemd lists several with colons, should the unit name more than one.
    given = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    home = environment.get("HOME", "")
    if user == 0 or not home:
        return SYSTEM
    data = Path(environment.get("XDG_DATA_HOME", ""))
    # "All paths must be absolute", says XDG; any other one is to be ignored.
    return (data if data.is_absolute() else Path(home, ".local/share")) / "fer-edge"
