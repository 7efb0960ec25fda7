"""The only importers of a backend: how one training step is inspected on each."""
