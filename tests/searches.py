"""Small searches, and how TensorBoard sees them."""

import keras
import keras_tuner
import numpy as np
from reading import data_provider_of
from tensorboard import context
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import backend_context
from tensorboard.plugins.hparams import list_session_groups

HEALTHY, SICK = 0.2, (1e4, 2e4, 3e4)
ROWS, BATCH = 96, 16


def data():
    x = np.random.default_rng(0).normal(size=(ROWS, 4)).astype("float32")
    return x, (x[:, 0] > 0).astype("int32")


def classifier(rate, units=4):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(rate, momentum=0.5)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build(hp):
    return classifier(hp.Choice("rate", [HEALTHY, *SICK]))


def search(tuner, callbacks=(), epochs=3, **arguments):
    keras.utils.set_random_seed(0)
    x, y = data()
    other = x + np.float32(1e-3)  # rows of its own, which `leaked-rows` asks for
    arguments = {"validation_data": (other, y), "batch_size": BATCH, **arguments}
    tuner.search(x, y, epochs=epochs, verbose=0, callbacks=list(callbacks), **arguments)
    return tuner


def grid(hypermodel, directory, **arguments):
    return keras_tuner.GridSearch(
        hypermodel,
        **{"objective": "val_accuracy", "max_trials": 9, **arguments},
        directory=str(directory),
        project_name="search",
    )


class Board:
    """TensorBoard's view of a log directory."""

    def __init__(self, log_dir):
        self._provider = data_provider_of(log_dir)
        self._request = context.RequestContext()

    def runs(self):
        runs = self._provider.list_runs(self._request, experiment_id="")
        return sorted(run.run_name for run in runs)

    def scalars(self, run):
        found = self._provider.read_scalars(
            self._request, experiment_id="", plugin_name="scalars", downsample=1000
        )
        return {tag: [d.value for d in points] for tag, points in found[run].items()}

    def trials(self):
        """Returns the rows of the HParams tab by name: its two kinds of columns."""
        request = api_pb2.ListSessionGroupsRequest(
            start_index=0,
            slice_size=100,
            allowed_statuses=[
                api_pb2.STATUS_UNKNOWN,
                api_pb2.STATUS_SUCCESS,
                api_pb2.STATUS_RUNNING,
            ],
            include_metrics=True,
        )
        shown = backend_context.Context(TBContext(data_provider=self._provider))
        found = list_session_groups.Handler(self._request, shown, "", request).run()
        return {group.name: _columns(group) for group in found.session_groups}


def _columns(group):
    hyperparameters = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in group.hparams.items()
    }
    metrics = {value.name.tag: value.value for value in group.metric_values}
    return hyperparameters, metrics
