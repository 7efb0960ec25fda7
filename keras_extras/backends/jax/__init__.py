"""The inspection of a training step on JAX."""
