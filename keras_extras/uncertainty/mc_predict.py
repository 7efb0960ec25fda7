from __future__ import annotations

import random
from typing import Any

from keras_extras.checks import check_choice
from keras_extras.checks import check_flag
from keras_extras.checks import check_optional_count
from keras_extras.checks import check_positive
from keras_extras.checks import check_seed
from keras_extras.checks import check_verbose
from keras_extras.keras_internals.graph import output_names
from keras_extras.uncertainty import checks
from keras_extras.uncertainty.load_sampler import load_sampler
from keras_extras.uncertainty.sampling_run import SamplingRun
from keras_extras.uncertainty.stochastic import LayerChoice
from keras_extras.uncertainty.stochastic import stochastic_layers
from keras_extras.uncertainty.transform import Activation
from keras_extras.uncertainty.transform import Transform
from keras_extras.uncertainty.transform import Variance


def mc_predict(
    model: Any,
    x: Any,
    samples: int = 100,
    batch_size: int | None = None,
    seed: int | None = None,
    *,
    activation: Activation = None,
    variance: Variance = None,
    layers: LayerChoice = None,
    shared_masks: bool = False,
    tolerance: float | None = None,
    return_samples: bool = False,
    strategy: str = "auto",
    memory_limit: float = 24.0,
    unit: str = "nats",
    verbose: str | int = "auto",
    steps: int | None = None,
) -> Any:
    """Predicts with the dropout on, many times, and returns what the samples say.

    Use it on a trained model as it is, to learn how uncertain each prediction is;
    the mean of the samples is often a little more accurate than `predict`, and
    better calibrated. It says nothing about a model that was trained without
    dropout, and it does not detect inputs unlike any in the training data, for which
    the samples can agree and be wrong.

    Dropout of every kind is switched on, Gaussian noise, `dropout` and
    `recurrent_dropout` of recurrent layers and the dropout of attention layers,
    wherever they are: in models within the model, in subclassed models, in wrappers.
    Nothing else is: normalisation and augmentation stay in inference mode. No
    variable of the model changes, not even the state of a seed generator.

    Statistics are kept, samples are not, so memory does not grow with `samples`.
    What comes before the first dropout of a Functional or Sequential model is
    computed once. On TensorFlow and JAX the first call compiles; the next ones for the
    same model and shape of input do not, until a layer is changed or the model is
    compiled anew. JAX compiles for a number of rows: it fills up the last batch, and
    batches that nearly have the same number of rows are compiled for once.

    Args:
        model: Built Keras model. Functional, Sequential or subclassed.
        x: Inputs: an array or tensor, a list, tuple or dict of them, with `None` for
            an optional input; a `tf.data.Dataset` in batches, a
            `keras.utils.PyDataset`, a `torch.utils.data.DataLoader` or a generator of
            tuples. Sparse tensors are made dense. The targets of a dataset are
            ignored.
        samples: Integer >= 2, number of samples; with `tolerance` the largest
            number. Defaults to `100`.
        batch_size: Integer >= 1, rows at once, or `None` for as many as the memory
            limit allows, up to 1024. Not for datasets. Defaults to `None`.
        seed: Integer >= 0, or `None` for a random one that
            `keras.utils.set_random_seed` makes reproducible. The same seed gives the
            same samples with the same model, `strategy`, batches and memory limit,
            on the same backend. Defaults to `None`.
        activation: Applied to the outputs before anything else, for models that
            return logits: a name such as `"softmax"` or a function, for all outputs;
            a dict by the names of outputs, for those only; or a list of one for each.
            Defaults to `None`.
        variance: `"variance"` or `"log_variance"` if the second half of the output's
            last axis predicts the variance of the first half, or its logarithm; a
            dict or a list where there are several outputs, of which one value alone
            is for those that have a last axis of 2. Defaults to `None`.
        layers: Which layers to switch on: a list of layers, names or layer classes,
            your own included, which must be random when `training=True` and keep
            their `SeedGenerator` as an attribute. Defaults to `None`, all of Keras'
            stochastic regularisation.
        shared_masks: Boolean. Whether a sample drops the same units for all inputs:
            each sample is then one network, a smooth function of its input.
            Defaults to `False`.
        tolerance: Float > 0. Stop as soon as the standard error of the mean is not
            above it for any value of a batch; checked from 10 samples on. Defaults
            to `None`.
        return_samples: Boolean. Whether to keep all samples, in
            `MCPrediction.samples_array`. Defaults to `False`.
        strategy: How to compute: `"cached"` computes the part before the first
            dropout once and the rest sample by sample; `"tiled"` all of the model
            for as many samples at once as the memory limit allows, where rows do not
            share a mask (on JAX anywhere); `"loop"` all of
            the model sample by sample; `"auto"` caches where there is a graph and
            computes several samples at once where the batch is small and that is
            faster. Defaults to `"auto"`.
        memory_limit: Float > 0, MiB that the activations of a step may take,
            approximately. Defaults to `24.0`.
        unit: `"nats"` or `"bits"`, of entropies. Defaults to `"nats"`.
        verbose: `0`, `1` or `"auto"`: whether to show a progress bar; `"auto"` shows
            one when it takes more than two seconds. Defaults to `"auto"`.
        steps: Integer >= 1, number of batches to predict, or `None` for all there
            are. Needed for a dataset without an end. Defaults to `None`.

    Returns:
        An `MCPrediction`, or for a model of several outputs one for each of them, in
        a list or dict as the model returns.

    Raises:
        ValueError: If an argument has no valid value, if the model is not built or
            has nothing to switch on, if all samples of an output are equal, or if the
            inputs do not fit the model or hold NaN.
        NotImplementedError: If the Keras backend is none of TensorFlow, JAX and torch.

    Example:

    ```python
    prediction = keras_extras.uncertainty.mc_predict(model, x_test, seed=0)
    print(prediction.mean[0].round(2), prediction.std[0].round(2))
    most_to_learn = prediction.mutual_information.argsort()[::-1][:100]
    ```

    References:
        Gal & Ghahramani (2016), "Dropout as a Bayesian approximation: representing
        model uncertainty in deep learning"; (2016), "A theoretically grounded
        application of dropout in recurrent neural networks".
    """
    load_sampler()
    return_samples = check_flag("return_samples", return_samples)
    checks.check_samples(samples, tolerance, return_samples)
    check_choice("strategy", strategy, ("auto", "cached", "tiled", "loop"))
    check_choice("unit", unit, ("nats", "bits"))
    check_verbose("verbose", verbose, ("auto", 0, 1))
    check_positive("memory_limit", memory_limit)
    batch_size = check_optional_count("batch_size", batch_size)
    seed = None if seed is None else check_seed("seed", seed)
    steps = check_optional_count("steps", steps)
    checks.check_model(model)
    run = SamplingRun(
        model,
        stochastic_layers(model, layers),
        samples=int(samples),
        seed=random.randrange(2**31) if seed is None else seed,
        strategy=strategy,
        shared=check_flag("shared_masks", shared_masks),
        tolerance=None if tolerance is None else float(tolerance),
        memory=float(memory_limit) * 2**20,
        transform=Transform(activation, variance, output_names(model)),
        keeps_samples=return_samples,
    )
    return run.predict(x, batch_size, unit, verbose, steps)
