"""Trainings of which it is known what is wrong with them, if anything.

`CASES` maps ids to cases.
"""

import keras

from faults import faulty_data as faulty_data
from faults import faulty_fit as faulty_fit
from faults import faulty_hidden as faulty_hidden
from faults import faulty_outputs as faulty_outputs
from faults import faulty_rates as faulty_rates
from faults import fresh_faulty as fresh_faulty
from faults import fresh_healthy as fresh_healthy
from faults import healthy_dense as healthy_dense
from faults import healthy_images as healthy_images
from faults import healthy_optimizers as healthy_optimizers
from faults import healthy_regression as healthy_regression
from faults import healthy_sequence as healthy_sequence
from faults import posted_classification as posted_classification
from faults import posted_regression as posted_regression
from faults import posted_sequences as posted_sequences
from faults import posted_texts as posted_texts
from faults import programs_sequences as programs_sequences
from faults import programs_tables as programs_tables
from faults import programs_texts as programs_texts
from faults import programs_vision as programs_vision
from faults import silent_data as silent_data
from faults import silent_outputs as silent_outputs
from faults import silent_traps as silent_traps
from faults import silent_weights as silent_weights
from faults import unseen_faulty as unseen_faulty
from faults import unseen_healthy as unseen_healthy
from faults import unseen_others as unseen_others
from faults import unseen_pictures as unseen_pictures
from faults import unseen_sequences as unseen_sequences
from faults.case import CASES as CASES

if keras.backend.backend() == "torch":
    import torch

    # Some of its convolutions write past their memory, without any callback: torch 2.13
    # on an AMD EPYC.
    torch.backends.mkldnn.enabled = False
