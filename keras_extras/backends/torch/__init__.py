"""The inspection of a training step on torch."""
