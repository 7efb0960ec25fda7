from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from keras_extras import checks
from keras_extras.backends.load_steering import load_steering
from keras_extras.callbacks.performance_scheduler import PerformanceScheduler
from keras_extras.callbacks.scheduler import Scheduler
from keras_extras.inspection.session import MonitoringSession
from keras_extras.keras_internals import hyperparameters
from keras_extras.keras_internals.building import build_in_fit
from keras_extras.keras_internals.callback_state import state_of
from keras_extras.keras_internals.fit_guard import FitGuard
from keras_extras.keras_internals.frozen_for_now import forget_frozen
from keras_extras.keras_internals.frozen_for_now import freeze_for_now
from keras_extras.keras_internals.optimizer_variables import follow
from keras_extras.keras_internals.rates import RATE
from keras_extras.keras_internals.rates import has_number
from keras_extras.keras_internals.rates import multiply_rate
from keras_extras.keras_internals.rates import set_rate
from keras_extras.keras_internals.resume import backup_of
from keras_extras.keras_internals.resume import last_epoch_begun
from keras_extras.keras_internals.running_fit import callbacks_of_fit
from keras_extras.keras_internals.trainable_flags import accept_flags
from keras_extras.steering.controller import retrace
from keras_extras.transfer.checks import check_choice_of_layers
from keras_extras.transfer.checks import check_epochs
from keras_extras.transfer.checks import check_function
from keras_extras.transfer.checks import check_model
from keras_extras.transfer.checks import check_rates
from keras_extras.transfer.checks import check_rest
from keras_extras.transfer.groups import Unfreezing
from keras_extras.transfer.groups import epochs_of
from keras_extras.transfer.groups import frozen_groups
from keras_extras.transfer.stages import Stages


class FreezeUnfreeze(keras.callbacks.Callback):
    """Trains the new head first and then the reused layers too, in one `fit`.

    Fine-tuning usually takes two trainings: freeze the reused layers, compile, fit for
    a few epochs so that the new head stops sending large random gradients, unfreeze,
    compile with a lower learning rate, and fit again. This callback does the same in
    one `fit`, with one `History`, one count of epochs, and the same callbacks. Weights,
    optimizer variables and `History` are those of the two trainings bit for bit,
    shuffled data included. (In two trainings the counters of a callback such as
    `EarlyStopping` start over with the second. Here they do not.)

    Do not use it to train from scratch, or with a `train_step` that uses an optimizer
    other than the compiled one. To train all layers at once, at lower learning rates
    near the input, see `keras_extras.optimizers.discriminative_learning_rates`; the two
    can be combined.

    When `fit` begins, `layers` are frozen, whatever they were when the model was
    compiled. A layer among them that was not trainable before, while others were,
    stays frozen to the end, and so does a variable; if none was, the model was frozen
    by hand or saved in the first stage, and all are unfrozen in their turn. When
    `fit` ends, even by an exception or by `EarlyStopping` in the first stage, the model
    stays in the stage that it has reached: `layer.trainable`, the variables of the
    optimizer and its learning rate match, so it can be saved and trained further.

    Batch normalisation runs in inference mode while it is frozen. Unfrozen, it uses the
    statistics of the batch and updates its moving averages, unless
    `batch_normalization="frozen"`. To call the reused model in inference mode is not
    enough: in a Functional model of Keras 3.15 `fit` overrides the argument `training`.

    A training that is resumed, with `initial_epoch` or `BackupAndRestore`, continues in
    the stage of its epoch, with the learning rate and optimizer that were saved. List
    this callback before `BackupAndRestore`: otherwise Keras warns that it cannot load
    the optimizer of another stage, before this callback can load it. A file saved in a
    single stage does not tell which layers were frozen on purpose: leave those out of
    `layers`.

    Args:
        unfreeze_at: Integer >= 1, the epoch, counted from 0 like `initial_epoch`,
            before which the layers are unfrozen: `4` trains 4 epochs without them. A
            list of epochs unfreezes them gradually, from the last to the first, in as
            many groups of similar size; a dict maps epochs to the layers to unfreeze.
            Layers that it does not name stay frozen.
        layers: The layers to freeze: names, paths such as `"encoder/dense"`, regular
            expressions that match the whole of either, layers, layer classes, or a list
            of these; layers within them are included. `None` means all before the last
            layer of the model that has weights. Defaults to `None`.
        learning_rate: Float > 0 or `LearningRateSchedule`, the learning rate after the
            unfreezing, or a list with one for each epoch in `unfreeze_at`. `None` keeps
            the current one. Defaults to `None`.
        factor: Float > 0, by which the rate is multiplied at each unfreezing, in each
            optimizer of a `MultiOptimizer`. Defaults to `None`.
        reset_optimizer: Boolean. Whether the optimizer starts anew at each unfreezing,
            as after `compile`: no momentum, `iterations` 0, so a
            `LearningRateSchedule` starts over. `False` keeps its state for the layers
            that train already, and its count of steps; with Adam the first steps of the
            other layers are then up to three times as long, because its bias correction
            is over. Defaults to `True`.
        batch_normalization: `"train"`, or `"frozen"` to keep batch normalisation among
            `layers` frozen to the end: in inference mode, with its weights fixed.
            Defaults to `"train"`.
        verbose: Integer. 1 prints a line at each unfreezing, 0 nothing. Defaults to
            `0`.

    Attributes:
        stage: Integer, how many groups of layers are unfrozen; `None` before a `fit`.

    Raises:
        ValueError: If an argument has no valid value; when training starts, if the
            model has no optimizer or does not have the layers, if nothing would be
            left to train, or if another callback sets the learning rate or follows a
            count of steps that `reset_optimizer=True` would reset.

    Example:

    ```python
    base = keras.Sequential(model.layers[:-1])  # of a model that was trained before
    model = keras.Sequential([base, keras.layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    unfreeze = keras_extras.callbacks.FreezeUnfreeze(2, learning_rate=1e-5)
    model.fit(x, y, epochs=6, callbacks=[unfreeze])
    ```

    References:
        Yosinski et al. (2014), "How transferable are features in deep neural
        networks?", arXiv:1411.1792.
        Howard & Ruder (2018), "Universal Language Model Fine-tuning for Text
        Classification" (gradual unfreezing), arXiv:1801.06146.
        Géron, "Hands-On Machine Learning", chapter 11.
    """

    def __init__(
        self,
        unfreeze_at: Unfreezing,
        layers: Any = None,
        learning_rate: Any = None,
        factor: float | None = None,
        reset_optimizer: bool = True,
        batch_normalization: str = "train",
        verbose: int = 0,
    ) -> None:
        super().__init__()
        self.unfreeze_at = check_epochs(unfreeze_at)
        self.layers = check_choice_of_layers(layers)
        self.learning_rate = learning_rate
        self._rates = check_rates(learning_rate, len(epochs_of(self.unfreeze_at)))
        self.factor = (
            None if factor is None else checks.check_positive("factor", factor)
        )
        if learning_rate is not None and factor is not None:
            raise ValueError(
                "`factor` must be None where `learning_rate` is given. "
                f"Received: learning_rate={learning_rate!r}, factor={factor!r}"
            )
        self.reset_optimizer = checks.check_flag("reset_optimizer", reset_optimizer)
        self.batch_normalization = checks.check_choice(
            "batch_normalization", batch_normalization, ("train", "frozen")
        )
        self.verbose = checks.check_verbose("verbose", verbose)
        self._stages: Stages | None = None
        self._began = False

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what belongs to a training that is going on."""
        return state_of(self, _stages=None)

    @property
    def stage(self) -> int | None:
        """Returns how many groups of layers are unfrozen; `None` before a `fit`."""
        return None if self._stages is None else self._stages.stage

    def on_train_begin(self, logs: Any = None) -> None:
        callbacks = callbacks_of_fit()
        check_model(self.model, self.learning_rate, self.factor)
        self._check_callbacks(getattr(callbacks, "callbacks", ()))
        build_in_fit(self.model, type(self).__name__)
        check_function(self.model)
        groups = frozen_groups(self.model, self.layers, self.unfreeze_at)
        check_rest(self.model, groups)
        stage = self._stage_in(last_epoch_begun(callbacks))
        keeps = self.batch_normalization == "frozen"
        self._stages = Stages(self.model, groups, stage, keeps)
        self._began = False
        if callbacks is not None:
            FitGuard(_nothing, functools.partial(forget_frozen, self.model)).watch(
                callbacks
            )
        self._enter(stage, keep=True)
        self._load_backup_again(callbacks)
        self._warn_if_never()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._stages is None:
            return
        if not self._began:
            self._began = True
            self._lower_rate_of_new_optimizer()
        wanted = self._stage_in(epoch)
        while self._stages.stage < wanted:
            self._unfreeze(epoch, self._stages.stage + 1)
        if self._stages.stage > wanted:  # a callback has set another first epoch
            self._enter(wanted, keep=True)

    def _stage_in(self, epoch: int) -> int:
        return sum(begin <= epoch for begin in epochs_of(self.unfreeze_at))

    def _unfreeze(self, epoch: int, stage: int) -> None:
        if self.reset_optimizer:  # as the `fit` that ends here would
            optimizer = self.model.optimizer
            optimizer.finalize_variable_values(self.model.trainable_weights)
            load_steering().start_data_anew(self.model, callbacks_of_fit())
        self._set_rate(stage, times=1)
        self._enter(stage, keep=not self.reset_optimizer)
        if self.verbose:
            print(self._line(epoch, stage))

    def _enter(self, stage: int, keep: bool) -> None:
        """Makes the model one that is compiled for `stage`."""
        model, stages = self.model, self._stages
        if stages is None:
            return
        stages.enter(stage)
        freeze_for_now(model, stages.frozen_for_now())
        MonitoringSession.layers_changed(model, counts_anew=not keep)
        with load_steering().scope(model):
            follow(model.optimizer, model.trainable_variables, keep)
        accept_flags(model)
        # The function at hand is traced with the variables of before.
        retrace(model)

    def _set_rate(self, stage: int, times: int) -> None:
        for part in hyperparameters.parts(self.model.optimizer):
            if self._rates is not None:
                set_rate(part, self._rates[stage - 1])
            elif self.factor is not None:
                multiply_rate(part, self.factor**times)

    def _lower_rate_of_new_optimizer(self) -> None:
        """Of a model that goes on with an optimizer that has not been trained with."""
        count = hyperparameters.batches_seen(self.model.optimizer)
        if self.stage and count == 0:
            self._set_rate(self.stage, times=self.stage)

    def _load_backup_again(self, callbacks: Any) -> None:
        """A backup that was loaded first met an optimizer of another stage."""
        backup = backup_of(callbacks)
        if backup is None:
            return
        order = [id(callback) for callback in callbacks.callbacks]
        if id(self) in order[order.index(id(backup)) :]:
            backup.on_train_begin()

    def _line(self, epoch: int, stage: int) -> str:
        assert self._stages is not None
        group = self._stages.group(stage)
        names = [layer.name for layer in group] or ["none"]
        between = names if len(names) == 1 else [names[0], names[-1]]
        rates = [
            f"{hyperparameters.number(part.learning_rate):.4g}"
            for part in hyperparameters.parts(self.model.optimizer)
        ]
        return (
            f"FreezeUnfreeze: epoch {epoch + 1}: {len(group)} layers unfrozen "
            f"({' to '.join(between)}), {len(self.model.trainable_variables)} "
            f"variables train now; learning rate {', '.join(rates)}"
        )

    def _check_callbacks(self, callbacks: Sequence[Any]) -> None:
        sets_rate = self._rates is not None or self.factor is not None
        for other in callbacks:
            by_epochs = isinstance(other, keras.callbacks.LearningRateScheduler)
            if by_epochs and sets_rate:
                raise ValueError(
                    "`learning_rate` and `factor` must be None where another callback "
                    "sets the rate; or leave LearningRateScheduler out. Received: "
                    f"LearningRateScheduler, learning_rate={self.learning_rate!r}, "
                    f"factor={self.factor!r}"
                )
            if not isinstance(other, Scheduler):
                continue
            name = type(other).__name__
            by_epoch = isinstance(other, PerformanceScheduler)
            if self.reset_optimizer and not (by_epoch and other.every == "epoch"):
                raise ValueError(
                    "`reset_optimizer` must be False beside a scheduler that follows "
                    "`optimizer.iterations`, which would start from 0 again. "
                    f"Received: reset_optimizer=True, {name}"
                )
            if sets_rate and RATE in other.names and not self._goes_with(by_epoch):
                raise ValueError(
                    "`learning_rate` and `factor` must be None where another callback "
                    f"sets the rate. Received: {name}, learning_rate="
                    f"{self.learning_rate!r}, factor={self.factor!r}"
                )

    def _goes_with(self, by_epoch: bool) -> bool:
        """Returns whether another callback only multiplies the number set here."""
        parts = hyperparameters.parts(self.model.optimizer)
        numbers = all(
            not isinstance(r, LearningRateSchedule) for r in self._rates or ()
        )
        return by_epoch and numbers and all(has_number(part) for part in parts)

    def _warn_if_never(self) -> None:
        epochs = (self.params or {}).get("epochs")
        first = epochs_of(self.unfreeze_at)[0]
        if epochs is not None and first >= epochs:
            warnings.warn(
                "FreezeUnfreeze: `unfreeze_at` must be below the `epochs` of `fit` for "
                "the layers to be unfrozen. Received: unfreeze_at="
                f"{self.unfreeze_at!r}, epochs={epochs}",
                stacklevel=2,
            )


def _nothing() -> None:
    """All has been begun already."""
