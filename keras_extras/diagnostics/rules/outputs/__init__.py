"""Judges whether the last activation, the loss and the targets belong together."""
