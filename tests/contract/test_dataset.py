"""Labelled faces from folders and zips: what is read, converted, refused."""

import hashlib
import io
import logging
import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from fer_contract.dataset import FaceData, FaceSet
from fer_contract.errors import DataError, FerError, ManifestError
from fer_contract.preprocess import Box, InputSpec, crop_face

Picture = npt.NDArray[np.uint8]
Draw = Callable[..., Picture]
Encode = Callable[..., bytes]
Files = dict[str, bytes]
Faces = Callable[..., Files]
WriteFolder = Callable[[Path, Mapping[str, bytes]], Path]
WriteZip = Callable[..., Path]

_FIRST = "train/happy/0.png"


def _complaint(source: Path, split: str = "train") -> str:
    """Return the one line with which a data set is refused, listed or loaded."""
    with pytest.raises((DataError, ManifestError)) as caught:
        FaceData(source).load(split)
    message = str(caught.value)
    assert message.startswith(f"{source}: ")
    assert len(message.splitlines()) == 1
    return message.removeprefix(f"{source}: ")


def _same(first: FaceSet, second: FaceSet) -> bool:
    return (
        np.array_equal(first.faces, second.faces)
        and np.array_equal(first.classes, second.classes)
        and (first.split, first.labels) == (second.split, second.labels)
        and (first.names, first.digests) == (second.names, second.digests)
    )


@pytest.fixture
def refuses(tmp_path: Path, faces: Faces, write_zip: WriteZip) -> Callable[..., str]:
    """Change a good data set, and return the line with which it is refused."""

    def complaint(changes: Mapping[str, bytes | None], split: str = "train") -> str:
        files = {
            name: content
            for name, content in {**faces(), **changes}.items()
            if content is not None
        }
        return _complaint(write_zip(tmp_path / "faces.zip", files), split)

    return complaint


def test_faces_of_a_folder(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder, picture: Draw
) -> None:
    """Pixels, classes, names and digests stand in the order of the names."""
    files = faces()
    data = FaceData(write_folder(tmp_path, files))

    train = data.load("train")

    names = ["happy/0.png", "happy/1.png", "sad/0.png", "sad/1.png"]
    assert tuple(f"train/{name}" for name in names) == train.names
    assert train.faces.shape == (4, 48, 48, 1)
    assert train.faces.dtype == np.uint8
    assert np.array_equal(np.stack([picture(s) for s in range(4)]), train.faces[..., 0])
    assert train.classes.tolist() == [0, 0, 1, 1]
    assert train.classes.dtype == np.int64
    expected = [hashlib.sha256(files[name]).hexdigest() for name in train.names]
    assert tuple(expected) == train.digests
    assert (train.split, train.labels) == ("train", ("happy", "sad"))
    assert len(train) == 4
    assert train.counts() == {"happy": 2, "sad": 2}
    facts = {"count": 4, "classes": {"happy": 2, "sad": 2}, "digest": train.digest}
    assert facts == train.facts()


def test_digest_of_a_split(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """It is what ``sha256sum`` of all files, summed up once more, would give."""
    files = faces()
    train = FaceData(write_folder(tmp_path, files)).load("train")

    lines = [
        f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in sorted(files.items())
        if name.startswith("train/")
    ]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == train.digest


@pytest.mark.parametrize(
    "method",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_zip_and_folder(
    method: int,
    tmp_path: Path,
    faces: Faces,
    write_folder: WriteFolder,
    write_zip: WriteZip,
) -> None:
    """Both give the same faces and the same digest, in whatever order they lie."""
    files = faces()
    folder = FaceData(write_folder(tmp_path / "faces", files))
    backwards = dict(reversed(files.items()))
    packed = FaceData(write_zip(tmp_path / "faces.zip", backwards, method))

    assert ("train", "validation", "test") == folder.splits == packed.splits
    for split in folder.splits:
        assert _same(folder.load(split), packed.load(split))
        assert folder.load(split).digest == packed.load(split).digest


@pytest.mark.parametrize("root", ["", "data/", "a/b/c/", "train/happy/"])
def test_layout_at_any_depth(
    root: str, tmp_path: Path, faces: Faces, write_folder: WriteFolder,
    write_zip: WriteZip,
) -> None:  # fmt: skip
    """Where the three folders lie makes no difference, nor to names and digest."""
    files = faces()
    deep = {root + name: content for name, content in files.items()}

    reference = FaceData(write_folder(tmp_path / "plain", files)).load("train")

    assert _same(
        reference, FaceData(write_folder(tmp_path / "deep", deep)).load("train")
    )
    packed = FaceData(write_zip(tmp_path / "deep.zip", deep))
    assert _same(reference, packed.load("train"))


def test_folder_of_one_split(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """The folder ``train`` itself will do."""
    write_folder(tmp_path, faces())

    data = FaceData(tmp_path / "train")

    assert data.splits == ("train",)
    assert len(data.load("train")) == 4


def test_files_that_are_no_images_of_the_layout(
    tmp_path: Path, faces: Faces, write_zip: WriteZip
) -> None:
    """They are passed over: notes, thumbnails, what macOS adds, other folders."""
    files = faces()
    others = {
        "readme.txt": b"",
        "train/notes.txt": b"",
        "train/cover.png": b"",
        "train/happy/notes.txt": b"",
        "train/happy/.hidden.png": b"",
        "train/happy/._0.png": b"",
        "__MACOSX/train/happy/0.png": b"",
        "x/__MACOSX/train/happy/._0.png": b"",
        "extra/happy/0.png": b"",
        "train/happy/": b"",
        "train/empty/": b"",
    }

    plain = FaceData(write_zip(tmp_path / "plain.zip", files))
    cluttered = FaceData(write_zip(tmp_path / "cluttered.zip", {**others, **files}))

    assert _same(plain.load("train"), cluttered.load("train"))


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".jpeg", ".png", ".bmp", ".webp"])
def test_kind_of_image(
    suffix: str, tmp_path: Path, faces: Faces, encode: Encode, write_folder: WriteFolder
) -> None:
    """Each kind is read, in capitals too."""
    content = encode(np.full((48, 48), 90, np.uint8), suffix.lower())
    files = {**faces(), f"train/happy/new{suffix}": content}

    train = FaceData(write_folder(tmp_path, files)).load("train")

    index = train.names.index(f"train/happy/new{suffix}")
    assert np.abs(train.faces[index].astype(int) - 90).max() <= 1


def test_labels_without_an_order(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """They are the folders' names in alphabetical order."""
    folder = write_folder(tmp_path, faces(("sad", "neutral", "happy")))

    assert FaceData(folder).labels == ("happy", "neutral", "sad")


def test_labels_in_a_given_order(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """The order of the outputs is the one that was asked for."""
    data = FaceData(write_folder(tmp_path, faces()), ["sad", "happy"])

    train = data.load("train")

    assert ("sad", "happy") == data.labels == train.labels
    assert train.classes.tolist() == [1, 1, 0, 0]
    assert list(train.counts()) == ["sad", "happy"]


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (["happy", "sad", "angry"], "no image in train/angry"),
        (["happy", "angry"], "no image in train/angry"),
        (["happy", "sad", "Sad"], "label 'Sad'; allowed are"),
        (["happy", "happy"], "label 'happy' stands more than once"),
        (["happy"], "--labels: 1 labels; at least 2 are needed"),
        ([], "--labels: 0 labels; at least 2 are needed"),
    ],
)
def test_labels_that_do_not_fit(
    labels: list[str],
    complaint: str,
    tmp_path: Path,
    faces: Faces,
    write_folder: WriteFolder,
) -> None:
    """The label or the option is named."""
    folder = write_folder(tmp_path, faces())

    with pytest.raises(FerError) as caught:
        FaceData(folder, labels)

    assert complaint in str(caught.value)


def test_label_that_was_not_asked_for(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """A folder beyond the labels is not silently left out."""
    folder = write_folder(tmp_path, faces(("angry", "happy", "sad")))

    with pytest.raises(DataError) as caught:
        FaceData(folder, ["happy", "sad"])

    expected = f"{folder}: train/angry is none of the labels happy, sad"
    assert expected == str(caught.value)


def test_class_missing_in_validation(refuses: Callable[..., str]) -> None:
    """A split that lacks a class of train is refused."""
    gone = dict.fromkeys(["validation/sad/0.png", "validation/sad/1.png"])

    assert refuses(gone) == "no image in validation/sad"


def test_class_foreign_to_train(refuses: Callable[..., str], encode: Encode) -> None:
    """A split with a class that train has not is refused."""
    content = encode(np.zeros((48, 48), np.uint8))

    expected = "images in test/angry, but none in train/angry"
    assert expected == refuses({"test/angry/0.png": content})


def test_class_with_a_line_break(refuses: Callable[..., str]) -> None:
    """A folder called so cannot break the message."""
    expected = "images in test/a\\nb, but none in train/a\\nb"
    assert expected == refuses({"test/a\nb/0.png": b""})


def test_label_that_is_no_plain_name(refuses: Callable[..., str]) -> None:
    """A folder must be called as a label may be."""
    assert refuses({"train/Very Happy/0.png": b""}).startswith("label 'Very Happy';")


def test_only_one_class(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """A choice needs two classes."""
    folder = write_folder(tmp_path, faces(("happy",)))

    assert _complaint(folder) == "1 labels; at least 2 are needed"


def test_split_that_is_not_there(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """The error tells which splits there are."""
    folder = write_folder(tmp_path, faces(splits=("test", "train")))

    expected = "no folder 'validation'; found: train, test"
    assert expected == _complaint(folder, "validation")


def test_no_train_split(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """The labels are those of the first split there is."""
    data = FaceData(write_folder(tmp_path, faces(splits=("test",))))

    assert (data.labels, data.splits) == (("happy", "sad"), ("test",))


def test_folder_without_an_image(tmp_path: Path) -> None:
    """The error shows the layout that is wanted."""
    (tmp_path / "train" / "happy").mkdir(parents=True)

    expected = (
        "no image found; wanted: {train,validation,test}/<label>/*.jpg "
        "(or png, bmp, webp)"
    )
    assert expected == _complaint(tmp_path)


def test_images_in_another_layout(tmp_path: Path, write_folder: WriteFolder) -> None:
    """The error shows one of them, for whoever is to move them."""
    names = ("happy/train/0.png", "happy/train/1.png", "sad/train/0.png")
    folder = write_folder(tmp_path / "data", dict.fromkeys(names, b""))

    assert _complaint(folder).endswith(
        "; images elsewhere: 3, as data/happy/train/0.png"
    )


def test_split_under_another_name(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """Beside the splits there are, the folder that may be meant."""
    files = faces(splits=("train",)) | {"val/happy/0.png": b""}
    folder = write_folder(tmp_path / "data", files)

    expected = (
        "no folder 'validation'; found: train; images elsewhere: 1, as "
        "data/val/happy/0.png"
    )
    assert expected == _complaint(folder, "validation")


def test_zip_without_a_file(tmp_path: Path, write_zip: WriteZip) -> None:
    """An empty zip has no image."""
    assert _complaint(write_zip(tmp_path / "a.zip", {})).startswith("no image found;")


def test_two_data_sets_in_one_zip(
    tmp_path: Path, faces: Faces, write_zip: WriteZip
) -> None:
    """Both are named, instead of mixed."""
    files = {
        root + name: b for root in ("new/", "old/a/") for name, b in faces().items()
    }

    expected = "two data sets in it, 'new' and 'old/a'"
    assert expected == _complaint(write_zip(tmp_path / "a.zip", files))


def test_no_such_path(tmp_path: Path) -> None:
    """A missing path is said to be missing."""
    assert _complaint(tmp_path / "none.zip") == "no such file or folder"


@pytest.mark.parametrize(
    "content", [b"", b"happy,sad\n", b"PK\x03\x04" + b"\0" * 99, b"PK\x05\x06"]
)
def test_file_that_is_no_zip(content: bytes, tmp_path: Path) -> None:
    """A text file called ``.zip`` is no zip."""
    path = tmp_path / "faces.zip"
    path.write_bytes(content)

    assert _complaint(path).startswith("not a zip, or damaged (")


def test_zip_cut_off(tmp_path: Path, faces: Faces, write_zip: WriteZip) -> None:
    """A download that stopped is damaged."""
    path = write_zip(tmp_path / "faces.zip", faces())
    path.write_bytes(path.read_bytes()[:-100])

    assert _complaint(path).startswith("not a zip, or damaged (")


def test_any_byte_of_a_zips_structure_damaged(
    tmp_path: Path, faces: Faces, write_zip: WriteZip
) -> None:
    """It is one line, or no harm; never another error."""
    # A name beyond ASCII is decoded when listed, and once more when read.
    files = {**faces(each=1, splits=("train",)), "train/sad/é.png": faces()[_FIRST]}
    path = write_zip(tmp_path / "faces.zip", files)
    content = path.read_bytes()
    refused = 0
    places = [*range(60), *range(len(content) - 250, len(content))]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0x81
        path.write_bytes(damaged)
        try:
            FaceData(path).load("train")
        except (DataError, ManifestError) as mistake:
            assert len(str(mistake).splitlines()) == 1  # noqa: PT017
            refused += 1

    assert refused > len(places) // 4


def _cmyk_jpeg() -> bytes:
    """Encode a picture for print, as an image editor may."""
    stream = io.BytesIO()
    Image.new("CMYK", (48, 48), (10, 200, 30, 40)).save(stream, "JPEG")
    return stream.getvalue()


def _broken_images(encode: Encode, picture: Draw) -> dict[str, tuple[bytes, str]]:
    """Contents that cannot be used, and what is said of them."""
    noise = picture(99)
    deep = noise.astype(np.uint16) * 257
    no_image = "damaged, or not an 8-bit image"
    return {
        "empty": (b"", "empty"),
        "text": (b"no image", no_image),
        "half a JPEG": (encode(noise, ".jpg")[:900], "cut off"),
        "JPEG without its last byte": (encode(noise, ".jpg")[:-1], "cut off"),
        "head of a JPEG": (encode(noise, ".jpg")[:20], "cut off"),
        "half a PNG": (encode(noise)[:1200], no_image),
        "PNG with a bit flipped": (
            encode(noise)[:1000] + b"\x55" + encode(noise)[1001:],
            no_image,
        ),
        "half a BMP": (encode(noise, ".bmp")[:1500], no_image),
        "half a WebP": (encode(noise, ".webp")[:900], no_image),
        "16-bit PNG": (encode(deep), "16 bits a channel; 8 are wanted"),
        "CMYK JPEG": (_cmyk_jpeg(), "CMYK; grey or RGB is wanted"),
        "two channels": (
            b"P7\nWIDTH 48\nHEIGHT 48\nDEPTH 2\nMAXVAL 255\n"
            b"TUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n" + bytes(48 * 48 * 2),
            no_image,
        ),
    }


_BROKEN = [
    "empty", "text", "half a JPEG", "JPEG without its last byte", "head of a JPEG",
    "half a PNG", "PNG with a bit flipped", "half a BMP", "half a WebP", "16-bit PNG",
    "CMYK JPEG", "two channels",
]  # fmt: skip


@pytest.mark.parametrize("case", _BROKEN)
def test_image_that_cannot_be_read(
    case: str,
    refuses: Callable[..., str],
    encode: Encode,
    picture: Draw,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is named with the reason and the way out; the decoders are kept silent."""
    content, reason = _broken_images(encode, picture)[case]

    expected = (
        f"1 images cannot be read: {_FIRST} ({reason}); mend them, or leave them out "
        "with --skip-unreadable"
    )
    assert expected == refuses({_FIRST: content})
    assert capfd.readouterr().err == ""


def test_many_images_that_cannot_be_read(refuses: Callable[..., str]) -> None:
    """All are counted, three are named."""
    names = [f"train/{label}/{n}.png" for label in ("happy", "sad") for n in (0, 1)]

    named = ", ".join(f"{name} (empty)" for name in names[:3])
    expected = f"4 images cannot be read: {named} and 1 more; mend them,"
    assert refuses(dict.fromkeys(names, b"")).startswith(expected)


def test_unreadable_images_left_out(
    tmp_path: Path,
    faces: Faces,
    write_folder: WriteFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """On demand the rest is read, and a warning names what is missing."""
    names = ["train/happy/1.png", "train/sad/0.png"]
    folder = write_folder(tmp_path, {**faces(), **dict.fromkeys(names, b"")})

    train = FaceData(folder, skip_unreadable=True).load("train")

    assert train.names == (_FIRST, "train/sad/1.png")
    assert train.classes.tolist() == [0, 1]
    assert len(train.digests) == len(train.faces) == 2
    expected = (
        f"{folder}: 2 images cannot be read and were left out: "
        "train/happy/1.png (empty), train/sad/0.png (empty)"
    )
    assert [("fer_contract.dataset", logging.WARNING, expected)] == caplog.record_tuples


def test_whole_class_unreadable(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """Nothing left of a class is refused, also when images may be left out."""
    names = ["train/sad/0.png", "train/sad/1.png"]
    folder = write_folder(tmp_path, {**faces(), **dict.fromkeys(names, b"")})

    with pytest.raises(DataError, match="no readable image in train/sad"):
        FaceData(folder, skip_unreadable=True).load("train")


def test_name_with_a_line_break(refuses: Callable[..., str]) -> None:
    """A file called so cannot break the message."""
    assert "train/happy/a\\nb.png (empty)" in refuses({"train/happy/a\nb.png": b""})


def test_name_with_a_line_break_in_the_log(
    tmp_path: Path,
    faces: Faces,
    write_folder: WriteFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor can it break a line of the log."""
    folder = write_folder(tmp_path, {**faces(), "train/happy/a\nb.png": b""})

    FaceData(folder, skip_unreadable=True).load("train")

    assert [len(message.splitlines()) for message in caplog.messages] == [1]


def test_name_that_is_not_utf_8(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """Linux allows it in a folder; the split still has its digest."""
    name = os.fsdecode(b"train/happy/caf\xe9.png")
    folder = write_folder(tmp_path, {**faces(), name: faces()[_FIRST]})

    train = FaceData(folder).load("train")

    assert name in train.names
    assert len(train.digest) == 64


def test_jpeg_with_something_appended(
    tmp_path: Path, faces: Faces, encode: Encode, write_folder: WriteFolder
) -> None:
    """What a telephone appends to a photograph does not make it a damaged one."""
    content = encode(np.full((48, 48), 90, np.uint8), ".jpg") + b"trailer" * 99
    folder = write_folder(tmp_path, {**faces(), "train/happy/0.jpg": content})

    assert len(FaceData(folder).load("train")) == 5


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_images(
    channels: int,
    tmp_path: Path,
    faces: Faces,
    picture: Draw,
    encode: Encode,
    write_folder: WriteFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They become grey as ``crop_face`` has it, without alpha, and are counted."""
    images = [picture(seed, channels=channels) for seed in (90, 91)]
    names = ["train/happy/0.png", "train/sad/1.png"]
    new = {name: encode(image) for name, image in zip(names, images, strict=True)}
    folder = write_folder(tmp_path, {**faces(), **new})

    train = FaceData(folder).load("train")

    for name, image in zip(names, images, strict=True):
        grey = crop_face(image[:, :, :3], Box(0, 0, 48, 48), InputSpec())
        assert np.array_equal(grey, train.faces[train.names.index(name)])
    expected = (
        f"{folder}: 2 images are in colour and were converted: {', '.join(names)}"
    )
    assert [("fer_contract.dataset", logging.WARNING, expected)] == caplog.record_tuples


def test_colour_image_of_an_oblong_models_size(
    tmp_path: Path, faces: Faces, encode: Encode, write_folder: WriteFolder
) -> None:
    """It is made grey where it stands, not squeezed through a square."""
    spec = InputSpec(height=40, width=48)
    oblong = np.random.default_rng(8).integers(0, 256, (40, 48), dtype=np.uint8)
    colour = np.repeat(oblong[:, :, np.newaxis], 3, axis=2)
    new = {"train/happy/0.png": encode(oblong), "train/happy/1.png": encode(colour)}
    folder = write_folder(tmp_path, {**faces(), **new})

    train = FaceData(folder, spec=spec).load("train")

    for name in new:
        assert np.array_equal(train.faces[train.names.index(name)][:, :, 0], oblong)


@pytest.mark.parametrize(("height", "width"), [(96, 96), (20, 20), (60, 48)])
def test_images_of_another_size(
    height: int,
    width: int,
    tmp_path: Path,
    faces: Faces,
    picture: Draw,
    encode: Encode,
    write_folder: WriteFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They are scaled as ``crop_face`` has it, without margin, and are counted."""
    image = picture(90, height, width)
    folder = write_folder(tmp_path, {**faces(), _FIRST: encode(image)})

    train = FaceData(folder, spec=InputSpec(margin=0.2)).load("train")

    scaled = crop_face(image, Box(0, 0, width, height), InputSpec())
    assert np.array_equal(scaled, train.faces[0])
    expected = f"{folder}: 1 images are not 48x48 and were converted: {_FIRST}"
    assert [expected] == caplog.messages


def test_input_of_another_size(
    tmp_path: Path,
    faces: Faces,
    write_folder: WriteFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Faces have the model's size, height first in the shape, and count as scaled."""
    folder = write_folder(tmp_path, faces())

    train = FaceData(folder, spec=InputSpec(height=32, width=40)).load("train")

    assert train.faces.shape == (4, 32, 40, 1)
    assert len(caplog.messages) == 1
    assert ": 4 images are not 40x32 and were converted: " in caplog.messages[0]
    assert caplog.messages[0].endswith("train/sad/0.png and 1 more")


def test_images_that_fit(
    tmp_path: Path,
    faces: Faces,
    write_folder: WriteFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Grey images of the right size give no warning."""
    FaceData(write_folder(tmp_path, faces())).load("train")

    assert caplog.messages == []


@pytest.mark.parametrize("up", ["../../../", "/", "a/../../"])
def test_zip_whose_names_lead_out_of_it(
    up: str, tmp_path: Path, faces: Faces, write_zip: WriteZip
) -> None:
    """Refused with the name; nothing is unpacked, so nothing is written anywhere."""
    box = tmp_path / "a" / "b"
    box.mkdir(parents=True)
    path = write_zip(box / "faces.zip", {**faces(), up + _FIRST: b""})
    before = sorted(tmp_path.rglob("*"))

    assert _complaint(path) == (
        f"{up + _FIRST!r} leads out of the zip; names inside it are wanted"
    )
    assert before == sorted(tmp_path.rglob("*"))
    assert not Path("/train").exists()


def test_zip_with_a_file_without_a_name(
    tmp_path: Path, faces: Faces, write_zip: WriteZip
) -> None:
    """Refused as damaged; zipfile takes a NUL for the end of a name."""
    path = write_zip(tmp_path / "faces.zip", {**faces(), "N.jpg": b""})
    path.write_bytes(path.read_bytes().replace(b"N.jpg", b"\0.jpg"))
    assert "damaged" in _complaint(path)


def test_jpegs_of_every_other_kind(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """Grey, colour, progressive, with a thumbnail inside: all are read."""
    files = faces()
    picture = Image.radial_gradient("L").resize((48, 48))
    kinds: list[tuple[str, dict[str, object]]] = [
        ("L", {}), ("RGB", {}), ("L", {"progressive": True}),
        ("L", {"exif": b"Exif\0\0" + bytes(300)}),
        ("RGB", {"comment": b"\xff\xc0" * 9}),
    ]  # fmt: skip
    for number, (mode, settings) in enumerate(kinds):
        stream = io.BytesIO()
        picture.convert(mode).save(stream, "JPEG", quality=95, **settings)
        files[f"train/happy/jpeg{number}.jpg"] = stream.getvalue()

    train = FaceData(write_folder(tmp_path, files)).load("train")

    read = [
        face
        for face, name in zip(train.faces, train.names, strict=True)
        if "jpeg" in name
    ]
    assert len(read) == len(kinds)
    wanted = np.asarray(picture).astype(int)
    assert all(np.abs(face[..., 0] - wanted).max() < 12 for face in read)


def test_symbolic_link_in_a_zip(
    tmp_path: Path, faces: Faces, write_zip: WriteZip
) -> None:
    """It is not followed: the path that it holds is no image."""
    path = write_zip(tmp_path / "faces.zip", faces())
    link = zipfile.ZipInfo("train/happy/link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")

    assert "train/happy/link.png (damaged, or not an" in _complaint(path)


def _patched(path: Path, name: str, offsets: tuple[int, int], value: bytes) -> Path:
    """Overwrite one field of a member in its local header and in the directory."""
    content = bytearray(path.read_bytes())
    for mark, length, offset in ((b"PK\3\4", 30, 0), (b"PK\1\2", 46, 1)):
        begin = content.index(mark)
        while content[begin + length :][: len(name)] != name.encode():
            begin = content.index(mark, begin + 1)
        place = begin + offsets[offset]
        content[place : place + len(value)] = value
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("offsets", "value"),
    [
        ((6, 8), struct.pack("<H", 1)),
        ((14, 16), b"\xde\xad\xbe\xef"),
        ((8, 10), struct.pack("<H", 99)),
        ((8, 10), struct.pack("<H", 14)),
        ((8, 10), struct.pack("<H", 12)),
        ((8, 10), struct.pack("<H", 8)),
    ],
    ids=["encrypted", "checksum", "method", "not lzma", "not bzip2", "not deflate"],
)
def test_damaged_member_of_a_zip(
    offsets: tuple[int, int],
    value: bytes,
    tmp_path: Path,
    faces: Faces,
    write_zip: WriteZip,
) -> None:
    """The member is named as any unreadable image."""
    path = write_zip(tmp_path / "faces.zip", faces(), zipfile.ZIP_STORED)

    complaint = _complaint(_patched(path, _FIRST, offsets, value))

    expected = f"1 images cannot be read: {_FIRST} (damaged, encrypted or not readable)"
    assert complaint.startswith(expected)


@pytest.mark.parametrize(
    "size", [32 * 1024 * 1024, 32 * 1024 * 1024 + 1], ids=["allowed", "over-large"]
)
def test_large_member_of_a_zip(
    size: int, tmp_path: Path, faces: Faces, encode: Encode, write_zip: WriteZip
) -> None:
    """32 MiB are read; a zip bomb is named instead of unpacked."""
    image = encode(np.zeros((48, 48), np.uint8))
    files = {**faces(splits=("train",)), _FIRST: image + b"\0" * (size - len(image))}
    path = write_zip(tmp_path / "faces.zip", files)

    if size > 32 * 1024 * 1024:
        expected = f"{_FIRST} (33554433 bytes; 33554432 are allowed)"
        assert expected in _complaint(path)
    else:
        assert len(FaceData(path).load("train")) == 4


def test_some_faces_taken(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """They stand in the order asked for, with everything that belongs to them."""
    train = FaceData(write_folder(tmp_path, faces())).load("train")

    taken = train.take([3, 0, 0])

    assert len(taken) == 3
    assert np.array_equal(train.faces[[3, 0, 0]], taken.faces)
    assert taken.classes.tolist() == [1, 0, 0]
    assert taken.names == ("train/sad/1.png", _FIRST, _FIRST)
    assert tuple(train.digests[i] for i in (3, 0, 0)) == taken.digests
    assert (train.split, train.labels) == (taken.split, taken.labels)
    assert taken.counts() == {"happy": 2, "sad": 1}
    assert taken.digest != train.digest
    assert _same(train, train.take(range(4)))


def test_no_face_taken(tmp_path: Path, faces: Faces, write_folder: WriteFolder) -> None:
    """Nothing is a set too, and counts nothing."""
    none = FaceData(write_folder(tmp_path, faces())).load("train").take([])

    assert none.faces.shape == (0, 48, 48, 1)
    assert none.counts() == {"happy": 0, "sad": 0}


@pytest.mark.parametrize("what", ["name", "content", "label", "one less"])
def test_digest_of_another_split(
    what: str, tmp_path: Path, faces: Faces, encode: Encode, write_folder: WriteFolder
) -> None:
    """The digest depends on every name and on every byte, pixels or not."""
    files = faces()
    changed = dict(files)
    content = changed.pop("train/happy/1.png")
    if what == "name":
        changed["train/happy/2.png"] = content
    elif what == "content":
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        changed["train/happy/1.png"] = encode(pixels) + b"\0"
    elif what == "label":
        changed["train/sad/9.png"] = content

    before = FaceData(write_folder(tmp_path / "before", files)).load("train")
    after = FaceData(write_folder(tmp_path / "after", changed)).load("train")

    assert before.digest != after.digest


def test_real_faces(shared: Path) -> None:
    """The study's own data are read as its numbers say."""
    data = FaceData(shared / "data" / "Facial_emotion_images.zip")

    test = data.load("test")

    assert data.labels == ("happy", "neutral", "sad", "surprise")
    assert test.counts() == {"happy": 32, "neutral": 32, "sad": 32, "surprise": 32}
    assert test.faces.shape == (128, 48, 48, 1)


def test_files_that_are_not_taken(
    tmp_path: Path,
    faces: Faces,
    picture: Draw,
    encode: Encode,
    write_folder: WriteFolder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What lies too deep in a split or is of another kind is counted and named."""
    face = encode(picture(5))
    new = {"train/sad/more/7.png": face, "train/happy/8.tif": b"", "notes.txt": b""}
    folder = write_folder(tmp_path, {**faces(), **new})

    FaceData(folder)

    expected = (
        f"{folder}: 2 files in the splits are no <split>/<label>/<image> and were "
        f"passed over: {folder.name}/train/happy/8.tif, "
        f"{folder.name}/train/sad/more/7.png"
    )
    assert [expected] == caplog.messages


def test_links_to_folders(
    tmp_path: Path, faces: Faces, write_folder: WriteFolder
) -> None:
    """A split that is a link to another disk is read like any other."""
    folder = write_folder(tmp_path, faces())
    (folder / "train").rename(tmp_path / "elsewhere")
    (folder / "train").symlink_to(tmp_path / "elsewhere")

    assert len(FaceData(folder).load("train")) == 4
