"""The training step on torch: how it is inspected and driven."""
