"""Registers the codes of findings: ranking, tuner, fault corpus and docs follow it."""

from __future__ import annotations

from keras_extras.records.finding_code import FindingCode

LAST_LAYER = "the last layer and the loss"
LAYERS = "the layers"
DATA = "the data"
PROGRAM = "the program"
RATE = "the learning rate"
TRAINING = "the training itself"
RESULT = "what comes of it"

_DYNAMIC = (
    "exploding-gradient",
    "nan-loss",
    "dead-units",
    "saturated-activation",
    "vanishing-gradient",
    "learning-rate-too-high",
    "oscillating-loss",
    "not-learning",
)
_HARDLY_LEARNS = (*_DYNAMIC, "learning-rate-too-low", "wrong-labels", "overfitting")
_LEARNS_LITTLE = (
    "vanishing-gradient",
    "learning-rate-too-low",
    "wrong-labels",
    "not-learning",
)

# Causes before what they can lead to; of exact tests, those nearer to the data first.
FINDING_CODES = (
    FindingCode(
        "unshuffled-data",
        DATA,
        'Bengio (2012), "Practical recommendations for gradient-based training of deep '
        'architectures".',
        (
            "wrong-labels",
            "overfitting",
            "oscillating-loss",
            "learning-rate-too-high",
            "learning-rate-too-low",
            "not-learning",
        ),
        exact=True,
    ),
    FindingCode(
        "repeated-data",
        DATA,
        "TensorFlow, `tf.data.Dataset`; TrainCheck (Jiang et al., 2025).",
        ("overfitting", "wrong-labels", "leaked-target", "imbalanced-classes"),
        exact=True,
    ),
    FindingCode(
        "validation-differs",
        DATA,
        'Breck et al. (2019), "Data validation for machine learning".',
        ("overfitting", "wrong-labels", "frozen-statistics"),
        exact=True,
    ),
    FindingCode(
        "leaked-rows",
        DATA,
        'Kaufman et al. (2012), "Leakage in data mining"; Elangovan et al. (2021), '
        '"Memorization vs. generalization".',
        exact=True,
    ),
    FindingCode(
        "leaked-target",
        DATA,
        'Kaufman et al. (2012), "Leakage in data mining".',
        ("overfitting",),
        exact=True,
    ),
    FindingCode(
        "target-equals-input",
        DATA,
        'Bengio et al. (2003), "A neural probabilistic language model".',
        ("overfitting",),
        exact=True,
    ),
    FindingCode(
        "imbalanced-classes",
        DATA,
        'He & Garcia (2009), "Learning from imbalanced data"; SageMaker Debugger.',
        ("learning-rate-too-low", "not-learning", "wrong-labels"),
        exact=True,
    ),
    FindingCode(
        "padding-not-masked",
        DATA,
        'Keras, "Understanding masking & padding"; SageMaker Debugger.',
        (*_LEARNS_LITTLE, "overfitting"),
        exact=True,
    ),
    FindingCode(
        "broadcast-loss",
        LAST_LAYER,
        'NumPy, "Broadcasting"; TheDeepChecker (Ben Braiek & Khomh, 2023).',
        (*_HARDLY_LEARNS, "hidden-activation", "over-regularized"),
        exact=True,
    ),
    FindingCode(
        "untracked-variables",
        PROGRAM,
        "TrainCheck (Jiang et al., 2025).",
        (*_HARDLY_LEARNS, "hidden-activation"),
        exact=True,
    ),
    FindingCode(
        "optimizer-state",
        PROGRAM,
        'Kingma & Ba (2015), section 2.1; Defazio et al. (2024), "The road less '
        'scheduled".',
        _HARDLY_LEARNS,
        exact=True,
    ),
    FindingCode(
        "constant-output",
        PROGRAM,
        "TheDeepChecker (Ben Braiek & Khomh, 2023); Ba et al. (2016).",
        (*_HARDLY_LEARNS, "hidden-activation"),
        exact=True,
    ),
    FindingCode(
        "no-gradient",
        PROGRAM,
        "TrainCheck (Jiang et al., 2025).",
        (*_HARDLY_LEARNS, "bad-initialization"),
        exact=True,
    ),
    FindingCode(
        "not-updated",
        PROGRAM,
        "SageMaker Debugger; TrainCheck (Jiang et al., 2025).",
        _LEARNS_LITTLE,
        exact=True,
    ),
    FindingCode(
        "frozen-random-weights",
        PROGRAM,
        "Massey (1951); Yosinski et al. (2014).",
        (*_LEARNS_LITTLE, "overfitting"),
        exact=True,
    ),
    FindingCode(
        "frozen-statistics",
        PROGRAM,
        "Ioffe & Szegedy (2015), section 3.1; Keras, `BatchNormalization`.",
        ("overfitting", "wrong-labels"),
        exact=True,
    ),
    FindingCode(
        "clipping-too-strong",
        PROGRAM,
        "Pascanu, Mikolov & Bengio (2013).",
        ("learning-rate-too-low", "not-learning"),
        exact=True,
    ),
    FindingCode(
        "dominant-loss-term",
        PROGRAM,
        'Kendall et al. (2018), "Multi-task learning using uncertainty to weigh '
        'losses"; TheDeepChecker.',
        _LEARNS_LITTLE,
        exact=True,
    ),
    FindingCode(
        "random-evaluation",
        PROGRAM,
        "TheDeepChecker; Gal & Ghahramani (2016).",
        ("overfitting",),
        exact=True,
    ),
    FindingCode(
        "rows-not-independent",
        PROGRAM,
        "Ioffe & Szegedy (2015), section 3.1; TheDeepChecker.",
        ("overfitting",),
        exact=True,
    ),
    FindingCode(
        "output-loss-mismatch",
        LAST_LAYER,
        "NeuraLint (Nikanjam et al., 2021); AUTOTRAINER (Zhang et al., 2021); "
        "DeepDiagnosis (Wardat et al., 2022).",
        (*_DYNAMIC, "learning-rate-too-low", "over-regularized"),
    ),
    FindingCode(
        "unnormalized-input",
        DATA,
        "LeCun et al. (1998); TheDeepChecker; UMLAUT.",
        (*_DYNAMIC, "learning-rate-too-low", "unscaled-target"),
    ),
    FindingCode(
        "unscaled-target",
        DATA,
        "Bishop (1995), section 8.2; TheDeepChecker.",
        (*_DYNAMIC, "learning-rate-too-low"),
    ),
    FindingCode(
        "bad-initialization",
        LAYERS,
        "Glorot & Bengio (2010); He et al. (2015); Klambauer et al. (2017).",
        (*_DYNAMIC, "learning-rate-too-low"),
    ),
    FindingCode(
        "hidden-activation",
        LAYERS,
        "NeuraLint (Nikanjam et al., 2021); UMLAUT (Schoop et al., 2021); "
        "TheDeepChecker (Ben Braiek & Khomh, 2023).",
        (
            "vanishing-gradient",
            "saturated-activation",
            "learning-rate-too-low",
            "not-learning",
        ),
    ),
    FindingCode(
        "wrong-labels",
        DATA,
        "Zhang et al. (2017); TheDeepChecker.",
        ("overfitting", "not-learning", "oscillating-loss"),
    ),
    FindingCode(
        "over-regularized",
        LAYERS,
        "TheDeepChecker; Srivastava et al. (2014).",
        ("vanishing-gradient", "dead-units", "learning-rate-too-low", "not-learning"),
    ),
    FindingCode(
        "learning-rate-too-high",
        RATE,
        "Karpathy, CS231n; TheDeepChecker.",
        (
            "exploding-gradient",
            "nan-loss",
            "dead-units",
            "saturated-activation",
            "vanishing-gradient",
            "oscillating-loss",
            "not-learning",
        ),
        about_training=True,
    ),
    FindingCode(
        "learning-rate-too-low",
        RATE,
        "Karpathy, CS231n; SageMaker Debugger; TheDeepChecker.",
        ("not-learning", "vanishing-gradient"),
        about_training=True,
    ),
    FindingCode(
        "exploding-gradient",
        TRAINING,
        "Pascanu, Mikolov & Bengio (2013); TheDeepChecker.",
        ("nan-loss", "dead-units", "saturated-activation"),
        about_training=True,
    ),
    FindingCode(
        "dead-units",
        TRAINING,
        "Lu et al. (2019); SageMaker Debugger; TheDeepChecker.",
        ("vanishing-gradient", "learning-rate-too-low", "not-learning"),
        about_training=True,
    ),
    FindingCode(
        "saturated-activation",
        TRAINING,
        "Glorot & Bengio (2010); DeepDiagnosis; TheDeepChecker.",
        ("vanishing-gradient", "learning-rate-too-low", "not-learning"),
        about_training=True,
    ),
    FindingCode(
        "vanishing-gradient",
        TRAINING,
        "Glorot & Bengio (2010); AUTOTRAINER.",
        ("learning-rate-too-low", "not-learning"),
        about_training=True,
    ),
    FindingCode(
        "oscillating-loss",
        TRAINING,
        "AUTOTRAINER; TheDeepChecker.",
        about_training=True,
    ),
    FindingCode(
        "nan-loss", TRAINING, 'TensorFlow, "Debugger V2".', about_training=True
    ),
    FindingCode("overfitting", RESULT, "Prechelt (1998); SageMaker Debugger."),
    FindingCode(
        "not-learning",
        RESULT,
        "SageMaker Debugger; TheDeepChecker.",
        about_training=True,
    ),
)
