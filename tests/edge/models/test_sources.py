"""What a bundle may be brought as, and what is refused before it is looked at."""

import os
import socket
import stat
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from fer_contract.errors import FerError, ManifestError, RefusedError
from fer_edge.models.sources import NORMAL, Limits, copy_members, open_source

_FILES = {"manifest.json": b"{}", "golden.npz": b"PK\3\4golden", "a.bin": bytes(3000)}
_SMALL = Limits(files=4, file_bytes=4000, all_bytes=6000)


def _copy(source: Path, out: Path, limits: Limits = NORMAL) -> dict[str, bytes]:
    """Return what arrives of a source."""
    out.mkdir()
    with ExitStack() as stack:
        members = open_source(source, limits, stack)
        copy_members(members, out, str(source), limits)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def _zip(path: Path, files: dict[str, bytes], top: str = "", **more: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(top + name)
            entry.compress_type = more.get("method", zipfile.ZIP_DEFLATED)
            entry.external_attr = more.get("mode", stat.S_IFREG | 0o600) << 16
            archive.writestr(entry, content)
    return path


@pytest.mark.parametrize("top", ["", "bundle/"])
def test_zip(tmp_path: Path, top: str) -> None:
    """Its files arrive, also out of the one folder that holds them."""
    path = _zip(tmp_path / "b.zip", _FILES, top)
    assert _copy(path, tmp_path / "out") == _FILES


def test_zip_with_an_entry_for_its_folder(tmp_path: Path) -> None:
    """As most programs write it."""
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("bundle")
        archive.writestr("bundle/manifest.json", b"{}")
    assert _copy(path, tmp_path / "out") == {"manifest.json": b"{}"}


def test_folder(tmp_path: Path) -> None:
    """Its files arrive, readable by all, whatever they were."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, content in _FILES.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    assert _copy(folder, tmp_path / "out") == _FILES
    for path in (tmp_path / "out").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../evil", "'../evil' in it is no plain file name"),
        ("/etc/passwd", "'/etc/passwd' in it is no plain file name"),
        ("bundle/../evil", "'bundle/../evil' in it is no plain file name"),
        ("a\\b", "in it is no plain file name"),
        ("deep/er/file", "'deep/er/file' in it is no plain file name"),
        (".hidden", "'.hidden' in it is no plain file name"),
        ("größe", "in it is no plain file name"),
        ("a b", "'a b' in it is no plain file name"),
        ("x" * 200, "in it is no plain file name"),
    ],
)
def test_zip_that_names_another_place(tmp_path: Path, name: str, said: str) -> None:
    """Nothing is written outside, nor anywhere."""
    path = _zip(tmp_path / "b.zip", {"manifest.json": b"{}", name: b"evil"})
    with pytest.raises(RefusedError) as caught:
        _copy(path, tmp_path / "out")
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.zip", "out"]


def test_zip_with_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    """It says that its names are UTF-8, and they are not."""
    path = _zip(tmp_path / "b.zip", {"größe": b"x"})
    path.write_bytes(path.read_bytes().replace("ö".encode(), b"\xff\xff"))
    with pytest.raises(ManifestError, match="not a zip, or damaged"):
        _copy(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (stat.S_IFLNK | 0o777, "is a symbolic link"),
        (stat.S_IFCHR | 0o666, "is no regular file"),
        (stat.S_IFIFO | 0o666, "is no regular file"),
        (stat.S_IFDIR | 0o777, "is no regular file"),
    ],
)
def test_zip_with_more_than_files(tmp_path: Path, mode: int, said: str) -> None:
    """Links and devices are refused by what the zip says of them."""
    path = _zip(tmp_path / "b.zip", {"a": b"/etc/passwd"}, mode=mode)
    with pytest.raises(RefusedError, match=f"'a' in it {said}$"):
        _copy(path, tmp_path / "out")


def test_zip_that_is_encrypted(tmp_path: Path) -> None:
    """Nobody is asked for a password."""
    path = _zip(tmp_path / "b.zip", {"a": b"secret"}, method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flags of the entry, and of the directory
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(RefusedError, match=r"'a' in it is encrypted$"):
        _copy(path, tmp_path / "out")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_of_another_method(tmp_path: Path, method: int) -> None:
    """Only what every program can unpack."""
    path = _zip(tmp_path / "b.zip", {"a": b"x"}, method=method)
    with pytest.raises(
        RefusedError, match=r"'a' in it is neither stored nor deflated$"
    ):
        _copy(path, tmp_path / "out")


def test_zip_within_the_bundle(tmp_path: Path) -> None:
    """Golden vectors are one; nothing else is to be."""
    inner = _zip(tmp_path / "inner.zip", {"a": b"x"}).read_bytes()
    path = _zip(tmp_path / "b.zip", {"golden.npz": inner, "b.zip": inner})
    with pytest.raises(RefusedError, match=r"b\.zip: a zip within the bundle$"):
        _copy(path, tmp_path / "out")


def test_zip_with_a_name_twice(tmp_path: Path) -> None:
    """Which of the two is meant is not guessed."""
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("manifest.json", b"2")
    with pytest.raises(RefusedError, match=r"'manifest.json' is in it more than once"):
        _copy(path, tmp_path / "out")


def test_zip_bomb(tmp_path: Path) -> None:
    """Ten million zeros in ten thousand bytes are refused before they are unpacked."""
    path = _zip(tmp_path / "b.zip", {"a": bytes(10_000_000)})
    with pytest.raises(RefusedError, match=r"unpacks from [\d,]+ to 10,000,000 bytes"):
        _copy(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_zip_that_lies_about_its_sizes(tmp_path: Path) -> None:
    """What it really holds is not unpacked beyond what it says."""
    path = _zip(tmp_path / "b.zip", {"a": bytes(5_000_000)})
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\1\2") + 24
    content[place : place + 4] = (100).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ManifestError, match="damaged in the zip"):
        _copy(path, tmp_path / "out")
    assert (tmp_path / "out" / "a").stat().st_size <= 100


def test_damaged_zips(tmp_path: Path) -> None:
    """Whatever byte is wrong or missing: one line, or the very files."""
    whole = _zip(tmp_path / "b.zip", _FILES).read_bytes()
    path = tmp_path / "damaged.zip"
    for place in range(0, len(whole), 3):
        for content in (
            whole[:place],
            whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :],
        ):
            path.write_bytes(content)
            out = tmp_path / f"out{place}-{len(content)}"
            refusals = []
            try:
                assert set(_copy(path, out).values()) <= set(_FILES.values())
            except FerError as refusal:
                refusals.append(str(refusal))
            assert all(line.startswith(f"{path}: ") for line in refusals)


def test_what_is_neither(tmp_path: Path) -> None:
    """A file that is no zip, a device, a pipe and a socket are named."""
    for name, content in (("empty", b""), ("text", b"no zip" * 99)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ManifestError, match=f"{path}: not a zip, or damaged"):
            _copy(path, tmp_path / f"out-{name}")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(RefusedError, match=f"{path}: no regular file"):
            _copy(path, tmp_path / f"out-{path.name}")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="No such device or address"):
            _copy(tmp_path / "socket", tmp_path / "out-socket")
    with pytest.raises(FileNotFoundError):
        _copy(tmp_path / "nothing", tmp_path / "out-nothing")


def test_folder_with_more_than_files(tmp_path: Path) -> None:
    """Links, folders and pipes in it are refused, and nothing is waited for."""
    for kind in ("link", "folder", "pipe"):
        bundle = tmp_path / f"bundle-{kind}"
        bundle.mkdir()
        path = bundle / kind
        if kind == "link":
            path.symlink_to("/etc/passwd")
        elif kind == "folder":
            path.mkdir()
        else:
            os.mkfifo(path)
        said = "a symbolic link, no file" if kind == "link" else "no regular file"
        with pytest.raises(RefusedError, match=f"^{path}: {said}$"):
            _copy(bundle, tmp_path / f"out-{kind}")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({f"{n}": b"" for n in range(5)}, "5 files; allowed 4"),
        ({"a": bytes(4001)}, "a: too large; allowed 4,000 bytes"),
        ({"a": bytes(3500), "b": bytes(3500)}, "b: too large; allowed 2,500 bytes"),
    ],
    ids=["many", "large", "together"],
)
def test_limits(
    tmp_path: Path, files: dict[str, bytes], said: str, *, packed: bool
) -> None:
    """Number, size, and size together."""
    if packed:
        source = _zip(tmp_path / "b.zip", files)
    else:
        source = tmp_path / "bundle"
        source.mkdir()
        for name, content in files.items():
            (source / name).write_bytes(content)
    with pytest.raises(RefusedError, match=f"^{source}: {said}$"):
        _copy(source, tmp_path / "out", _SMALL)


def test_zip_of_very_many_files(tmp_path: Path) -> None:
    """Its directory is not even read: it could fill the memory."""
    path = _zip(tmp_path / "b.zip", {f"{n}": b"" for n in range(1001)})
    with pytest.raises(RefusedError, match=f"^{path}: a zip of far too many files$"):
        _copy(path, tmp_path / "out")


def test_large_zip(tmp_path: Path) -> None:
    """A zip is itself no larger than what may be in it."""
    path = _zip(tmp_path / "b.zip", {"a": os.urandom(7000)})
    with pytest.raises(RefusedError, match=r"[\d,]+ bytes; allowed 6,000$"):
        _copy(path, tmp_path / "out", _SMALL)
