"""Draws samples on the TensorFlow backend."""
