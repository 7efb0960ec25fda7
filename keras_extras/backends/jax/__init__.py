"""The training step on JAX: how it is inspected and driven."""
