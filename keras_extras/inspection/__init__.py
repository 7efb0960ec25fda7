"""Inspects sampled steps of a training: who wants what, when, and what comes of it."""
