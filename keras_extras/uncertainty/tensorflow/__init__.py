"""Compiles the sampling of Monte-Carlo dropout: all of it that knows TensorFlow."""
