"""The inspection of a training step on JAX, `keras.distribution` included."""
