"""Short trainings that are undone: to diagnose a model, to find a learning rate."""
