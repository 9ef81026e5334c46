"""The service's unit, as systemd tells it, and the user that it runs as."""

import grp
import os
import pwd
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from fer_edge.doctor.asking import World, is_there
from fer_edge.service.state import facts_of, question
from fer_edge.service.units import SERVICE

_PROPERTIES = (
    "LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "MainPID",
    "NRestarts", "UnitFileState", "NeedDaemonReload", "User", "Group", "DynamicUser",
    "SupplementaryGroups", "StateDirectory", "ExecStart", "CacheDirectory",
    "LogsDirectory", "RuntimeDirectory", "ProtectSystem", "PrivateTmp",
    "ReadWritePaths",
)  # fmt: skip

_CREDENTIAL = re.compile(
    r"^(Load|Set|Import)Credential(Encrypted)?=([^:\s]+)(?::(\S*))?", re.MULTILINE
)
_STORES = ("/etc/credstore", "/run/credstore", "/usr/lib/credstore")
"""Where systemd looks for what a unit names without a folder."""
_FOLDERS = {
    "StateDirectory": "/var/lib",
    "CacheDirectory": "/var/cache",
    "LogsDirectory": "/var/log",
    "RuntimeDirectory": "/run",
}
_NEVER_CLOSED = ("/dev", "/proc", "/sys")
"""By ProtectSystem=; other settings see to them."""
_VARIABLES = re.compile(r"^Environment=(.*)$", re.MULTILINE)
_VARIABLES_FILE = re.compile(r"^EnvironmentFile=(-?)(\S+)", re.MULTILINE)
_VARIABLE = re.compile(r"(?:^|[\s\"'])([A-Z][A-Z0-9_]*)=", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd knows of the service; nothing, where there is no systemd."""

    facts: Mapping[str, str] = field(default_factory=dict)
    """Properties of ``systemctl show``."""
    lack: str = ""
    """Why nothing is known."""
    secrets: frozenset[str] = frozenset()
    """Names of credentials and variables that it gives; never what is in them."""
    sources: tuple[str, ...] = ()
    """Files that credentials are loaded from, by absolute path."""
    secretive: bool = False
    """Whether it reads a file of variables that may not be read here."""

    @property
    def installed(self) -> bool:
        """Whether there is a unit that could be started."""
        return self.facts.get("LoadState") == "loaded"

    @property
    def runs(self) -> bool:
        """Whether the daemon runs now, and holds the camera, the port, and the Coral.

        It is up to its first frame, which may take minutes, that systemd waits.
        """
        return self.facts.get("ActiveState") in ("active", "reloading") or self.changes

    @property
    def changes(self) -> bool:
        """Whether the daemon is about to be ready, or to end."""
        changing = self.facts.get("ActiveState") in ("activating", "deactivating")
        return changing and self.facts.get("MainPID", "0") not in ("", "0")

    @property
    def user(self) -> str:
        """Name of its user; empty where systemd makes one for each start, or none."""
        if not self.installed or self.facts.get("DynamicUser") == "yes":
            return ""
        return self.facts.get("User") or "root"

    @property
    def is_of_others(self) -> bool:
        """Whether its rights are not those of this process, nor can be."""
        if not self.installed or os.geteuid() == 0:
            return False
        try:
            return not self.user or _account(self.user).pw_uid != os.geteuid()
        except KeyError:
            return True

    @property
    def state_folder(self) -> Path | None:
        """What it gets as STATE_DIRECTORY, if anything."""
        names = self.facts.get("StateDirectory", "").split()
        return (
            Path(_FOLDERS["StateDirectory"], names[0])
            if self.installed and names
            else None
        )

    def lets_write(self, path: Path) -> bool:
        """Tell whether its sandbox leaves a file to be written, whoever owns it."""
        if not self.installed or self.facts.get("ProtectSystem") != "strict":
            return True
        given = [
            Path(parent, name.partition(":")[0])
            for key, parent in _FOLDERS.items()
            for name in self.facts.get(key, "").split()
        ]
        listed = self.facts.get("ReadWritePaths", "").split()
        given += [Path(name.lstrip("-+")) for name in listed]
        given += map(Path, _NEVER_CLOSED)
        if self.facts.get("PrivateTmp", "no") != "no":
            given += [Path("/tmp"), Path("/var/tmp")]
        return any(path.absolute().is_relative_to(folder) for folder in given)

    def gives(self, credential: str, variable: str) -> bool:
        """Tell whether it hands a secret to the daemon, which nobody else is given.

        Args:
            credential: its name for ``LoadCredential=``.
            variable: its name in the environment.
        """
        return self.secretive or bool({credential, variable} & self.secrets)


@dataclass(frozen=True, slots=True)
class Rights:
    """Of the user that a process is to run as."""

    name: str
    user: int
    group: int
    groups: tuple[int, ...]


def read_unit(world: World) -> Unit:
    """Ask systemd for the unit."""
    answer = world.run(*question(SERVICE, _PROPERTIES))
    if answer.code:
        return Unit(
            lack=answer.text if answer.code < 0 else "systemd does not run here"
        )
    # Of credentials systemd 252 shows no more than "[unprintable]".
    files = world.run("systemctl", "cat", SERVICE).text
    return _with_secrets(Unit(facts_of(answer.text)), world, files)


def _with_secrets(unit: Unit, world: World, text: str) -> Unit:
    """Add which secrets a unit gives, by the text of its files."""
    names, sources = set(), []
    for how, encrypted, name, source in _CREDENTIAL.findall(text):
        if how == "Load" and source.startswith("/"):
            sources.append(source)
        elif how == "Load" and not _is_stored(source or name, bool(encrypted), world):
            continue
        names.add(name)
    for line in _VARIABLES.findall(text):
        names.update(_VARIABLE.findall(line))
    secretive = False
    for may_lack, path in _VARIABLES_FILE.findall(text):
        content = world.text(path)
        if content is not None:
            names.update(_VARIABLE.findall(content))
        elif not may_lack or is_there(world.path(path)):
            secretive = True
    return replace(
        unit, secrets=frozenset(names), sources=tuple(sources), secretive=secretive
    )


def _is_stored(source: str, encrypted: bool, world: World) -> bool:
    """Tell whether systemd finds a credential by its name; if not, it gives none."""
    folders = [*_STORES, *(f"{store}.encrypted" for store in _STORES if encrypted)]
    return any(is_there(world.path(f"{folder}/{source}")) for folder in folders)


def rights_of(unit: Unit, state: Path) -> Rights | None:
    """Return as whom to look where rights matter; None is as who gives the command.

    Only root can look as somebody else. Without a unit the user is whom the state
    folder belongs to, as for ``fer-edge models``.

    Args:
        unit: of the service.
        state: the state folder, which may not be there.

    Raises:
        KeyError: the unit's user or one of its groups is unknown here.
    """
    if os.geteuid() != 0:
        return None
    if unit.user == "root":
        return None
    if unit.user:
        account = _account(unit.user)
        given = unit.facts.get("Group")
        group = _group(given) if given else account.pw_gid
        more = unit.facts.get("SupplementaryGroups", "").split()
        groups = {*os.getgrouplist(account.pw_name, group), *map(_group, more)}
        return Rights(account.pw_name, account.pw_uid, group, tuple(sorted(groups)))
    if unit.installed:  # DynamicUser: nobody before systemd starts it
        return None
    try:
        owner = state.stat()
    except OSError:
        return None
    if owner.st_uid == 0:
        return None
    try:
        account = pwd.getpwuid(owner.st_uid)
    except KeyError:
        name = f"user {owner.st_uid}"
        return Rights(name, owner.st_uid, owner.st_gid, (owner.st_gid,))
    groups = {*os.getgrouplist(account.pw_name, owner.st_gid)}
    return Rights(account.pw_name, owner.st_uid, owner.st_gid, tuple(sorted(groups)))


def _account(user: str) -> pwd.struct_passwd:
    return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)


def _group(name: str) -> int:
    return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
