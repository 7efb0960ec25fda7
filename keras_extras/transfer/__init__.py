"""Stages of a training in which more and more layers take part."""
