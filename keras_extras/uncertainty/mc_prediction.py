from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from keras_extras.uncertainty.prediction_html import prediction_html
from keras_extras.uncertainty.running import Running

_NATS = {"nats": 1.0, "bits": 1.0 / math.log(2.0)}


class MCPrediction:
    """Holds the result of `mc_predict` for one output of a model.

    Arrays have the shape of what the model's `predict` returns, or that shape without
    its last axis where a quantity is about all classes together. Values from 0 to 1
    that do not sum to 1 are several labels, each with a probability of its own: then
    entropies and votes are those of each label. What a quantity means for decisions:

    - `predictive_entropy`: how uncertain the prediction is, for whatever reason.
    - `mutual_information` (BALD): the part of it that more training data could
      remove: the samples are each sure, but not of the same class.
    - `expected_entropy`: the rest, noise in the data: each sample is unsure.

    Variances and standard deviations are over the samples, divided by their number
    as `numpy.std` does. They measure how far the samples differ: that is not the
    error of the prediction, and it is only as good as the dropout rates are.

    Attributes:
        mean: Array. Mean over the samples: the prediction to use.
        variance: Array. Variance over the samples.
        samples: Integer. Number of samples; with `tolerance`, the largest number
            that any batch needed.
        sample_counts: Integer array, `(rows,)`. Number of samples of each row.
        unit: `"nats"` or `"bits"`, the unit of entropies and mutual information.
        strategy: String. How the samples were computed.

    Example:

    ```python
    prediction = keras_extras.uncertainty.mc_predict(model, x_test, seed=0)
    classes = prediction.mean.argmax(axis=-1)
    ask_a_person = prediction.mutual_information > 0.3
    ```

    References:
        Houlsby et al. (2011), "Bayesian active learning for classification and
        preference learning". Gal (2016), "Uncertainty in deep learning", chapters
        3.3 and 4. Kendall & Gal (2017), "What uncertainties do we need in Bayesian
        deep learning for computer vision?".
    """

    def __init__(
        self,
        batches: Sequence[Running],
        counts: Sequence[int],
        unit: str = "nats",
        strategy: str = "",
        has_variance: bool = False,
        samples_array: np.ndarray | None = None,
        tolerance: float = 1e-3,
    ) -> None:
        rows = [len(batch.mean) for batch in batches]
        self._batches = batches
        self._has_variance = has_variance
        self._tolerance = tolerance
        self._samples_array = samples_array
        self.unit = unit
        self.strategy = strategy
        self.sample_counts = np.repeat(np.asarray(counts), rows)
        self.samples = int(max(counts))
        self.mean = self._join("mean")
        self.variance = self._join("squares") / self._counts_like(self.mean)

    @property
    def std(self) -> np.ndarray:
        """Standard deviation over the samples."""
        return np.sqrt(self.variance)

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of `mean`: how far more samples would still move it."""
        return np.sqrt(self.variance / (self._counts_like(self.variance) - 1))

    @property
    def predictive_entropy(self) -> np.ndarray:
        """Entropy of the mean probabilities."""
        self._check_probabilities("predictive_entropy")
        mean = self.mean.astype(np.float64)
        if self._are_labels:
            mean = mean[..., None]
        if mean.shape[-1] == 1:
            mean = np.concatenate([mean, 1 - mean], axis=-1)
        return (_entropy(mean) * _NATS[self.unit]).astype(np.float32)

    @property
    def expected_entropy(self) -> np.ndarray:
        """Mean over the samples of the entropy of their probabilities."""
        self._check_probabilities("expected_entropy")
        sums = self._join("label_entropy" if self._are_labels else "entropy")
        return sums / self._counts_like(sums) * np.float32(_NATS[self.unit])

    @property
    def mutual_information(self) -> np.ndarray:
        """`predictive_entropy - expected_entropy`, BALD; never below 0."""
        self._check_probabilities("mutual_information")
        return np.maximum(self.predictive_entropy - self.expected_entropy, 0)

    @property
    def variation_ratio(self) -> np.ndarray:
        """Share of the samples, 0 to 1, that do not vote for the usual class."""
        self._check_probabilities("variation_ratio")
        votes = self._join("label_votes" if self._are_labels else "votes")
        shares = votes / self._counts_like(votes)
        if self._are_labels:
            return np.minimum(shares, 1 - shares)
        if shares.shape[-1] == 1:
            return np.minimum(shares, 1 - shares)[..., 0]
        return 1 - shares.max(axis=-1)

    @property
    def aleatoric_variance(self) -> np.ndarray:
        """Mean of the predicted variances: noise in the data."""
        self._check_variance("aleatoric_variance")
        return self._join("aleatoric")

    @property
    def epistemic_variance(self) -> np.ndarray:
        """Variance of the predicted means: what the model does not know."""
        self._check_variance("epistemic_variance")
        return self.variance

    @property
    def total_variance(self) -> np.ndarray:
        """`aleatoric_variance + epistemic_variance`."""
        self._check_variance("total_variance")
        return self.aleatoric_variance + self.epistemic_variance

    @property
    def samples_array(self) -> np.ndarray:
        """All samples, `(samples, rows, ...)`, where they were asked for."""
        if self._samples_array is None:
            raise ValueError(
                "`samples_array` needs `mc_predict(..., return_samples=True)`; "
                "otherwise only statistics are kept."
            )
        return self._samples_array

    def __len__(self) -> int:
        return len(self.mean)

    def __repr__(self) -> str:
        return (
            f"<MCPrediction of shape {self.mean.shape} from {self.samples} samples, "
            f"largest std {self.std.max():.3g}; {self.strategy}>"
        )

    def _repr_html_(self) -> str:
        return prediction_html(self, self._summaries())

    def _summaries(self) -> dict[str, np.ndarray]:
        """Returns what can be said of each row, by what it is called."""
        found = {"mean": self.mean, "std": self.std}
        if self._has_variance:
            names = ["epistemic_variance", "aleatoric_variance"]
        else:
            names = ["predictive_entropy", "mutual_information", "variation_ratio"]
        for name in names:
            try:
                found[name] = getattr(self, name)
            except ValueError:  # these are no probabilities
                continue
        return found

    def _join(self, name: str) -> np.ndarray:
        return np.concatenate([getattr(batch, name) for batch in self._batches])

    def _counts_like(self, values: np.ndarray) -> np.ndarray:
        counts = self.sample_counts.astype(np.float32)
        return counts.reshape(-1, *[1] * (values.ndim - 1))

    @property
    def _range(self) -> tuple[float, float, float]:
        """The smallest value, the largest, and how far a sum is from 1."""
        return (
            min(float(batch.low) for batch in self._batches),
            max(float(batch.high) for batch in self._batches),
            max(float(batch.excess) for batch in self._batches),
        )

    @property
    def _are_labels(self) -> bool:
        """Returns whether each value of the last axis is a probability of its own."""
        low, high, excess = self._range
        in_range = low >= -self._tolerance and high <= 1 + self._tolerance
        several = self.mean.ndim > 1 and self.mean.shape[-1] > 1
        return several and in_range and excess > self._tolerance

    def _check_probabilities(self, name: str) -> None:
        low, _, excess = self._range
        if (low >= -self._tolerance and excess <= self._tolerance) or self._are_labels:
            return
        if self.mean.ndim < 2:
            reason = "an output without an axis of classes"
        elif self.mean.shape[-1] == 1:
            reason = "values outside of 0 to 1"
        else:
            reason = f"values from {low:.3g}, sums up to {excess:.3g} away from 1"
        raise ValueError(
            f"`{name}` needs probabilities: an output of values from 0 to 1, one for "
            "each class, or for each label. If the model returns logits, use "
            "`mc_predict(..., activation='softmax')`, or 'sigmoid' for labels. "
            f"Received: {reason}"
        )

    def _check_variance(self, name: str) -> None:
        if not self._has_variance:
            raise ValueError(
                f"`{name}` needs a model that predicts variances, and "
                "`mc_predict(..., variance='variance')` or `'log_variance'` to say "
                "that they are the second half of its output's last axis."
            )


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    positive = np.where(probabilities > 0, probabilities, 1.0)
    return -np.sum(probabilities * np.log(positive), axis=-1)
