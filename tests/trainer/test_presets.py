"""The networks: the study's to the last parameter, the edge's within its budget."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fer_contract.errors import FerError
from fer_contract.preprocess import InputSpec
from fer_trainer.backend import start_keras
from fer_trainer.presets import PRESETS, find_preset
from fer_trainer.presets.cost import cost_of
from processes import run_forked

keras = start_keras()

NO_FACES = np.zeros((0, 48, 48, 1), np.uint8)

STUDY = {
    # name: parameters, trainable ones or None; both from the study's own tables
    "base": (605_060, 605_060),
    "batchnorm": (389_604, None),
    "complex": (1_782_340, None),
    "vgg16-frozen": (14_887_684, 172_868),
}
BACKBONES = {
    # name: parameters of the backbone without the head
    "resnet101": 42_658_176,
    "resnet50": 23_587_712,
    "resnet50v2": 23_564_800,
    "efficientnetv2b2": 8_769_374,
    "efficientnetb0": 4_049_571,
    "vgg16-finetuned": 14_714_688,
}
PRETRAINED = [name for name, preset in PRESETS.items() if preset.load_pretrained]


@pytest.fixture(scope="module")
def networks() -> dict[str, Any]:
    """Every preset, built once."""
    keras.utils.set_random_seed(1)
    return {name: PRESETS[name].build(InputSpec(), 4) for name in PRESETS}


def some_faces(count: int = 4) -> npt.NDArray[np.float32]:
    """Return noise of 0 to 255, (N, 48, 48, 1)."""
    pixels = np.random.default_rng(1).integers(0, 256, (count, 48, 48, 1))
    return pixels.astype(np.float32)


@pytest.mark.parametrize("name", STUDY)
def test_a_network_has_the_parameters_of_the_study(
    networks: dict[str, Any], name: str
) -> None:
    """To the last one, and as many of them are trained."""
    total, trainable = STUDY[name]
    cost = cost_of(networks[name])
    assert cost.parameters == total
    assert trainable in (None, cost.trainable)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_has_the_parameters_of_the_study(
    networks: dict[str, Any], name: str
) -> None:
    """Those of the whole network less those of the head behind it."""
    layers = networks[name].layers
    kinds = [type(layer).__name__ for layer in layers]
    head = max(
        index
        for index, kind in enumerate(kinds)
        if kind in ("Flatten", "GlobalAveragePooling2D")
    )
    # EfficientNet pools within, too; the head's pooling is the last.
    counted = sum(layer.count_params() for layer in layers[:head])
    assert counted == BACKBONES[name]


def test_base_has_the_layers_of_the_studys_model_1(networks: dict[str, Any]) -> None:
    """Filters, kernel, pooling, dropout and dense widths are the study's."""
    layers = networks["base"].layers
    convolutions = [part for part in layers if isinstance(part, keras.layers.Conv2D)]
    dropouts = [part for part in layers if isinstance(part, keras.layers.Dropout)]
    dense = [part for part in layers if isinstance(part, keras.layers.Dense)]
    assert [part.filters for part in convolutions] == [64, 32, 32]
    assert {part.kernel_size for part in convolutions} == {(2, 2)}
    assert [part.rate for part in dropouts] == [0.2, 0.2, 0.2, 0.4]
    assert [part.units for part in dense] == [512, 4]


def test_the_cut_networks_end_where_the_study_cut_them(
    networks: dict[str, Any],
) -> None:
    """The last layer of the backbone, and none that comes behind it."""
    names = {
        name: [layer.name for layer in net.layers] for name, net in networks.items()
    }
    assert "conv5_block3_add" in names["resnet101"]
    assert "conv5_block3_out" not in names["resnet101"]
    assert "block6a_expand_activation" in names["efficientnetb0-block6a"]
    assert "block6a_dwconv" not in names["efficientnetb0-block6a"]
    assert "top_activation" in names["efficientnetb0"]


def test_only_the_last_four_layers_of_the_tuned_vgg16_are_trained(
    networks: dict[str, Any],
) -> None:
    """Block 5, and the head."""
    trained = [
        layer.name
        for layer in networks["vgg16-finetuned"].layers
        if layer.trainable_weights and layer.name.startswith("block")
    ]
    assert trained == ["block5_conv1", "block5_conv2", "block5_conv3"]


@pytest.mark.parametrize(
    ("name", "mmacs"), [("base", 6.5), ("complex", 97.5), ("vgg16-frozen", 704.9)]
)
def test_multiplications_are_counted(
    networks: dict[str, Any], name: str, mmacs: float
) -> None:
    """Base by hand: 48*48*4*64 + 24*24*4*64*32 + 12*12*4*32*32 + 1152*512 + 512*4."""
    assert cost_of(networks[name]).macs / 1e6 == pytest.approx(mmacs, abs=0.06)
    if name == "base":
        by_hand = 48 * 48 * 4 * 64 + 24 * 24 * 4 * 64 * 32 + 12 * 12 * 4 * 32 * 32
        by_hand += 1152 * 512 + 512 * 4
        assert cost_of(networks[name]).macs == by_hand


def test_what_a_network_is_made_of(networks: dict[str, Any]) -> None:
    """Base by hand: 2x2 and a pooling, thrice, see 2 3 5 7 11 15 pixels."""
    base = cost_of(networks["base"])
    assert (base.convolutions, base.field) == (3, 15)
    assert base.dense_parameters == 1152 * 512 + 512 + 512 * 4 + 4
    # Both branches of each residual block, and no wider than the face.
    compact = cost_of(networks["compact"])
    assert (compact.convolutions, compact.field) == (12, 48)


@pytest.mark.parametrize("kind", ["Resizing", "UpSampling2D"])
def test_an_enlarged_face_is_seen_in_its_own_pixels(kind: str) -> None:
    """Three pixels of twice the size are two of the face."""
    enlarge = (
        keras.layers.Resizing(16, 16)
        if kind == "Resizing"
        else keras.layers.UpSampling2D(2)
    )
    inputs = keras.Input((8, 8, 1))
    outputs = keras.layers.Conv2D(1, 3)(enlarge(inputs))
    assert cost_of(keras.Model(inputs, outputs)).field == 2


def test_every_kind_of_layer_is_counted() -> None:
    """Grouped, depthwise, separable, transposed and dense, each by hand."""
    layers = keras.layers
    inputs = keras.Input((8, 8, 4))
    kinds = {
        layers.Conv2D(6, 3, padding="same", groups=2): 64 * 9 * 2 * 6,
        layers.DepthwiseConv2D(3, padding="same"): 64 * 9 * 4,
        layers.SeparableConv2D(6, 3, padding="same"): 64 * (9 * 4 + 4 * 6),
        layers.Conv2DTranspose(6, 2, strides=2): 64 * 4 * 4 * 6,
        layers.Dense(5): 64 * 4 * 5,
    }
    for layer, macs in kinds.items():
        assert cost_of(keras.Model(inputs, layer(inputs))).macs == macs


def test_compact_stays_within_the_edges_budget(networks: dict[str, Any]) -> None:
    """At most 30 million multiply-accumulates, and every layer on the Edge TPU."""
    cost = cost_of(networks["compact"])
    assert 1_000_000 < cost.macs <= 30_000_000
    assert cost.edge_tpu == "ready"


def test_what_the_edge_tpu_does_not_map_is_named(networks: dict[str, Any]) -> None:
    """All presets map, as tests/test_presets_convert.py shows; not all fit the chip."""
    said = {name: cost_of(network).edge_tpu for name, network in networks.items()}
    assert said["complex"] == said["batchnorm"] == "ready"
    assert said["vgg16-frozen"] == "ready, streams"
    inputs = keras.Input((8,))
    odd = keras.Model(inputs, keras.layers.Dense(4, activation="gelu")(inputs))
    assert cost_of(odd).edge_tpu == "no: gelu"


@pytest.mark.parametrize("name", PRESETS)
def test_a_network_takes_raw_pixels_and_gives_probabilities(
    networks: dict[str, Any], name: str
) -> None:
    """Grey 0-255 in, rows that sum to 1 out, float32."""
    scores = np.asarray(networks[name](some_faces(2), training=False))
    assert scores.shape == (2, 4)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("name", ["compact", "base", "final", "vgg16-frozen"])
def test_other_sizes_and_numbers_of_classes(name: str) -> None:
    """Neither is written into a network."""
    model = PRESETS[name].build(InputSpec(height=64, width=56), 5)
    scores = np.asarray(model(np.full((2, 64, 56, 1), 200.0, dtype=np.float32)))
    assert scores.shape == (2, 5)


@pytest.mark.parametrize("name", ["compact", "base", "batchnorm", "complex", "final"])
def test_a_network_normalises_inside_its_graph(
    networks: dict[str, Any], name: str
) -> None:
    """Pixels divided by 255 outside are almost black to it, so answers differ."""
    right = np.asarray(networks[name](some_faces()))
    wrong = np.asarray(networks[name](some_faces() / 255))
    assert np.abs(right - wrong).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "application", "module", "last"),
    [
        ("vgg16-frozen", "VGG16", "vgg16", "block5_pool"),
        ("resnet50v2", "ResNet50V2", "resnet_v2", "post_relu"),
        ("efficientnetv2b2", "EfficientNetV2B2", "efficientnet_v2", "top_activation"),
    ],
)
def test_trap_each_backbone_owns_its_normalisation(
    networks: dict[str, Any], name: str, application: str, module: str, last: str
) -> None:
    """The study divided by 255 before networks that rescale inside: left at chance.

    Here features of grey 0-255 are those of Keras' own preprocessing and network.
    """
    network = networks[name]
    inner = keras.Model(network.input, network.get_layer(last).output)
    donor = getattr(keras.applications, application)(
        include_top=False, weights=None, input_shape=(48, 48, 3)
    )
    theirs = {layer.name: layer for layer in donor.layers}
    for layer in inner.layers:
        if layer.weights:
            theirs[layer.name].set_weights(layer.get_weights())
    faces = some_faces()
    preprocess = getattr(keras.applications, module).preprocess_input
    wanted = donor(preprocess(np.repeat(faces, 3, axis=-1)), training=False)
    wanted, seen = np.asarray(wanted), np.asarray(inner(faces, training=False))
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(
        seen, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max()
    )


def test_trap_efficientnet_rescales_inside(networks: dict[str, Any]) -> None:
    """B0's first layers turn grey 0-255 into ImageNet's deviations from its mean."""
    network = networks["efficientnetb0"]
    first = next(
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.Normalization)
    )
    inner = keras.Model(network.input, first.output)
    seen = np.asarray(inner(np.full((1, 48, 48, 1), 255.0, dtype=np.float32)))
    wanted = (1 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(seen[0, 0, 0], wanted, rtol=1e-4)


def test_a_frozen_backbone_keeps_its_statistics_in_training() -> None:
    """Its batch norm answers the same in training; the head's does not."""
    network = PRESETS["resnet50v2"].build(InputSpec(), 4)
    inner = keras.Model(network.input, network.get_layer("post_relu").output)
    faces = some_faces()
    calm = np.asarray(inner(faces, training=False))
    np.testing.assert_array_equal(np.asarray(inner(faces, training=True)), calm)
    assert not np.array_equal(
        np.asarray(network(faces, training=True)),
        np.asarray(network(faces, training=False)),
    )


@pytest.mark.parametrize("name", ["complex", "vgg16-frozen", "efficientnetb0"])
def test_a_network_is_saved_and_loaded(
    networks: dict[str, Any], tmp_path: Path, name: str
) -> None:
    """Without any code of ours: the same answers."""
    path = tmp_path / "model.keras"
    networks[name].save(path)
    loaded = keras.saving.load_model(path, safe_mode=True)
    np.testing.assert_array_equal(
        np.asarray(loaded(some_faces(), training=False)),
        np.asarray(networks[name](some_faces(), training=False)),
    )


def test_an_unknown_preset_is_named_with_those_there_are() -> None:
    """One line: what was asked for, what is allowed."""
    with pytest.raises(FerError, match="'bass'; allowed are compact, base"):
        find_preset("bass")


@pytest.mark.parametrize(("name", "size"), [("complex", 8), ("vgg16-frozen", 24)])
def test_faces_too_small_for_a_network(name: str, size: int) -> None:
    """One line with the size."""
    with pytest.raises(FerError, match=f"--image-size: {size}; {name}"):
        PRESETS[name].build(InputSpec(size, size), 4)


# ------------------------------------------------------------------ pretrained weights


@pytest.mark.parametrize(
    ("name", "application"),
    [
        ("vgg16-frozen", "VGG16"),
        ("efficientnetb0-block6a", "EfficientNetB0"),
        ("resnet50v2", "ResNet50V2"),
    ],
)
def test_weights_come_from_a_file(tmp_path: Path, name: str, application: str) -> None:
    """Every weight of the backbone is the file's; the head's are fresh."""
    keras.utils.set_random_seed(7)
    donor = getattr(keras.applications, application)(include_top=False, weights=None)
    path = tmp_path / "donor.weights.h5"
    donor.save_weights(path)
    preset = PRESETS[name]
    network = preset.build(InputSpec(), 4)
    assert preset.load_pretrained is not None
    preset.load_pretrained(network, str(path), NO_FACES)
    theirs = {layer.name: layer for layer in donor.layers}
    compared = 0
    for layer in network.layers:
        if layer.name in theirs and not isinstance(layer, keras.layers.Normalization):
            for ours, wanted in zip(
                layer.get_weights(), theirs[layer.name].get_weights(), strict=True
            ):
                np.testing.assert_array_equal(ours, wanted)
                compared += 1
    assert compared >= 26


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no such file; imagenet has Keras fetch one"),
        (b"", "no weights of VGG16 without its top"),
        (b"not weights", "no weights of VGG16 without its top"),
    ],
)
def test_a_file_that_holds_no_weights(
    tmp_path: Path, networks: dict[str, Any], content: bytes | None, complaint: str
) -> None:
    """One line that names it."""
    path = tmp_path / "vgg16.weights.h5"
    if content is not None:
        path.write_bytes(content)
    load = PRESETS["vgg16-frozen"].load_pretrained
    assert load is not None
    with pytest.raises(FerError, match=complaint) as caught:
        load(networks["vgg16-frozen"], str(path), NO_FACES)
    assert str(caught.value).startswith(f"--weights: {path}; ")


def test_weights_of_another_network(tmp_path: Path, networks: dict[str, Any]) -> None:
    """One line, and not some layers that happen to fit."""
    path = tmp_path / "base.weights.h5"
    networks["base"].save_weights(path)
    load = PRESETS["vgg16-frozen"].load_pretrained
    assert load is not None
    with pytest.raises(FerError, match="no weights of VGG16 without its top"):
        load(networks["vgg16-frozen"], str(path), NO_FACES)


def test_no_network_to_fetch_weights_over(
    few_faces: Any, tmp_path: Path, out: Path
) -> None:
    """One line: how to fetch the file elsewhere, and how to name it here."""
    proxy = "http://127.0.0.1:9"  # discard: nothing listens there
    program = Path(sys.executable).parent / "fer-train"
    done = subprocess.run(
        [
            program, "run", "--data", few_faces.source, "--out", out,
            "--preset", "vgg16-frozen", "--weights", "imagenet", "--epochs", "1",
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {"KERAS_HOME": str(tmp_path / "keras"), "https_proxy": proxy,
           "http_proxy": proxy, "HTTPS_PROXY": proxy, "no_proxy": ""},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--weights: imagenet; the file for vgg16-frozen cannot be" in done.stderr
    assert "curl -LO http" in done.stderr
    # Nothing of Keras' own sentence is left hanging on it: it can be pasted.
    assert done.stderr.endswith(
        "--weights vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5\n"
    )


def test_weights_for_a_network_without_a_backbone(few_faces: Any, out: Path) -> None:
    """One line: it is trained from nothing."""
    done = run_forked(
        "fer-train", "run", "--data", few_faces.source, "--out", out,
        "--preset", "base", "--weights", "imagenet",
    )  # fmt: skip
    assert done.returncode == 2
    assert "--weights: imagenet; base has no pretrained backbone" in done.stderr
    assert done.stderr.count("\n") == 1


def test_presets_are_listed_for_programs_too() -> None:
    """The same facts as JSON, one object a network."""
    done = run_forked("fer-train", "presets", "--json")
    assert done.returncode == 0
    assert done.stderr == ""
    listed = {item["name"]: item for item in json.loads(done.stdout)}
    assert list(listed) == list(PRESETS)
    assert listed["base"]["parameters"] == 605_060
    assert listed["vgg16-frozen"]["trainable"] == 172_868
    assert listed["vgg16-frozen"]["pretrained"]
    assert listed["compact"]["edge_tpu"] == "ready"
    assert listed["complex"]["learning_rate"] == 3e-3
