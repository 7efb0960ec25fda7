"""The inspection of a training step on TensorFlow, `tf.distribute` included."""
