"""Drives hyperparameters inside the compiled training step."""
