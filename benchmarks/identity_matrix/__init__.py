"""Trainings that have to come out the same with and without callbacks."""

import keras

from identity_matrix.case import CASES as CASES
from identity_matrix.models import feed_forward as feed_forward
from identity_matrix.models import images as images
from identity_matrix.models import inputs as inputs
from identity_matrix.models import own_steps as own_steps
from identity_matrix.models import sequences as sequences
from identity_matrix.setups import SETUPS as SETUPS

if keras.backend.backend() == "torch":
    import torch

    # Some of its convolutions write past their memory, without any callback: torch 2.13
    # on an AMD EPYC.
    torch.backends.mkldnn.enabled = False

if keras.backend.backend() == "tensorflow":
    from identity_matrix.models import of_tensorflow as of_tensorflow
