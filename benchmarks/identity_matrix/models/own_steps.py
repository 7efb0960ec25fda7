"""Models with steps or losses of their own."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras import ops

from identity_matrix import data
from identity_matrix.case import case
from identity_matrix.case import own_loss
from identity_matrix.own_step import OwnStep


class VariationalAutoencoder(keras.Model):
    """Adds the divergence as a loss, and draws with a seed generator."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.mean, self.log_variance = layers.Dense(2), layers.Dense(2)
        self.decoder = keras.Sequential(
            [layers.Dense(8, activation="relu"), layers.Dense(6)]
        )
        self.seeds = keras.random.SeedGenerator(5)

    def draw(self, like: Any) -> Any:
        return keras.random.normal(ops.shape(like), dtype=like.dtype, seed=self.seeds)

    def call(self, x: Any) -> Any:
        h = self.hidden(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        divergence = ops.square(mean) + ops.exp(log_variance) - log_variance - 1
        self.add_loss(ops.mean(ops.cast(divergence, "float32")))
        return self.decoder(mean + ops.exp(log_variance / 2) * self.draw(mean))


def reconstructed() -> dict[str, Any]:
    return {"x": data.features(6), "y": data.features(6)}


@case(reconstructed)
def vae() -> Any:
    return VariationalAutoencoder()


class TwoLosses(OwnStep):
    """Has a training step of its own with a second loss, and returns a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.norm = layers.BatchNormalization()
        self.left, self.right = layers.Dense(1), layers.Dense(2)

    def call(self, x: Any, training: Any = None) -> Any:
        h = self.norm(self.hidden(x), training=training)
        return {"left": self.left(h), "right": self.right(h)}

    def losses_of(self, x: Any, y: Any) -> Any:
        out = self(x, training=True)
        error = ops.cast(out["left"], "float32") - y
        extra = ops.mean(ops.square(ops.cast(out["right"], "float32")))
        return {"loss": ops.mean(ops.square(error)) + extra, "extra": extra}


@case(data.vectors, own_loss)
def own_train_step() -> Any:
    return TwoLosses()


class OwnLoss(keras.Model):
    """Computes its loss itself, with a metric of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = layers.Dense(8, activation="relu"), layers.Dense(1)
        self.seen = keras.metrics.Mean(name="largest")

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(x))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        error = ops.abs(ops.cast(y_pred, "float32") - y)
        self.seen.update_state(ops.max(error))
        return ops.mean(ops.square(error)) + 0.1 * ops.max(error) + sum(self.losses)


@case(data.vectors, own_loss)
def own_compute_loss() -> Any:
    return OwnLoss()


class WithUnused(keras.Model):
    """Makes sublayers that it never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.head = layers.Dense(8, activation="relu"), layers.Dense(1)
        self.spare = layers.Dense(4)
        self.more_spare = keras.Sequential([layers.Dense(4), layers.Dropout(0.5)])

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(x))


@case(data.vectors)
def never_called_sublayer() -> Any:
    return WithUnused()
