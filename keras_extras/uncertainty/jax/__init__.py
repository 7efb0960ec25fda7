"""Draws samples on the JAX backend."""
