"""The network of a plan: built, pretrained, compiled, and with something to learn."""

from typing import Any

import keras

from fer_contract.quiet import native_messages_to_log
from fer_trainer.devices import Devices
from fer_trainer.material import Material
from fer_trainer.plan import Plan
from fer_trainer.recipes import Schedule
from fer_trainer.training.batches import Batches, Mixing
from fer_trainer.training.checkpoint import Checkpoint
from fer_trainer.training.distillation import Student, load_teachers
from fer_trainer.training.epoch_end import write_state
from fer_trainer.training.statistics import sample_of
from fer_trainer.training.targets import make_targets, make_weights

_NARROW = "mixed_float16"
"""Gradients that are small would be 0 in it: the loss is scaled."""


class Network:
    """What a plan makes of Keras.

    Args:
        plan: how to train.
        material: on what.
        devices: that compute it.
    """

    def __init__(self, plan: Plan, material: Material, devices: Devices) -> None:
        self._plan = plan
        self._material = material
        self._devices = devices

    def build(self) -> keras.Model:
        """Build the bare network, in float32, with fresh weights."""
        return self._plan.preset.build(
            self._material.spec, len(self._material.train.labels)
        )

    def compile(self, checkpoint: Checkpoint) -> keras.Model:
        """Build the network to be trained, as far as the checkpoint has got.

        Raises:
            FerError: pretrained weights, or a checkpoint, of another network.
        """
        plan = self._plan
        # With another backend it imports TensorFlow all the same, to seed that too.
        with native_messages_to_log():
            keras.utils.set_random_seed(plan.seed)
        keras.config.set_dtype_policy(self._policy)
        try:
            network = self.build()
            teachers = load_teachers(plan.teachers)
        finally:
            keras.config.set_dtype_policy("float32")
        if self._devices.backend == "torch":
            # Not above: it needs PyTorch itself.
            from fer_trainer.training.fused import fuse

            fuse(network)
        if plan.weights is not None and not checkpoint.history:
            assert plan.preset.load_pretrained is not None
            faces = sample_of(self._material.train.faces)
            plan.preset.load_pretrained(network, plan.weights, faces)
        if plan.teachers:
            recipe = plan.recipe
            trainee: keras.Model = Student(
                network,
                teachers,
                recipe.teacher_share,
                recipe.temperature,
            )
            trainee.build((None, *self._material.spec.shape))
        else:
            trainee = network
        computed_by = self._devices.backend, self._devices.kind
        trainee.compile(
            optimizer=self._optimizer(),
            loss="categorical_crossentropy",
            # An object: made by name, it would come too late to lie on all devices.
            metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
            # Measured on two cores with TensorFlow: XLA is slower by half there and
            # takes 10 s to start.
            jit_compile=False if computed_by == ("tensorflow", "cpu") else "auto",
        )
        # A step that makes variables TensorFlow traces twice: half of the start.
        if not trainee.optimizer.built:
            trainee.optimizer.build(trainee.trainable_variables)
        if checkpoint.history:
            write_state(trainee, checkpoint.state)
        return trainee

    def batches(self, epoch: int) -> Batches:
        """Return the training faces, from this epoch on."""
        plan, train = self._plan, self._material.train
        return Batches(
            train,
            make_targets(train, self._material.vote_shares(), plan.recipe),
            make_weights(train, plan.recipe),
            batch_size=plan.batch_size,
            mixing=Mixing(
                plan.recipe.augmentation, plan.recipe.mixup, plan.recipe.oversample
            ),
            seed=plan.seed,
            epoch=epoch,
        )

    @property
    def _policy(self) -> str:
        """What layers compute in."""
        if not self._plan.mixed_precision:
            return "float32"
        # Floats of 16 bits and wide range need no loss scaling; CPUs have these.
        return _NARROW if self._devices.kind == "gpu" else "mixed_bfloat16"

    def _optimizer(self) -> Any:
        optimizer = self._plain_optimizer()
        if self._policy != _NARROW:
            return optimizer
        # Keras would do so for a network, but not for a student around one.
        return keras.optimizers.LossScaleOptimizer(optimizer)

    def _plain_optimizer(self) -> Any:
        plan = self._plan
        steps = plan.epochs * len(self.batches(epoch=0))
        rate: Any = plan.learning_rate
        if plan.recipe.schedule == Schedule.COSINE:
            warm_up = round(plan.recipe.warm_up * steps)
            rate = keras.optimizers.schedules.CosineDecay(
                0.0 if warm_up else plan.learning_rate,
                decay_steps=max(1, steps - warm_up),
                warmup_target=plan.learning_rate if warm_up else None,
                warmup_steps=warm_up,
            )
        settings: dict[str, Any] = {"learning_rate": rate}
        if plan.recipe.weight_average:
            reach = max(1.0, plan.recipe.weight_average * steps)
            settings |= {"use_ema": True, "ema_momentum": 1 - 1 / reach}
        if not plan.recipe.weight_decay:
            return keras.optimizers.Adam(**settings)
        optimizer = keras.optimizers.AdamW(
            weight_decay=plan.recipe.weight_decay, **settings
        )
        # Decay is for what multiplies: a shift or a scale has no reason to be small.
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer
