"""Drives hyperparameters inside the training step: controller, values, proxies."""
