"""Trains a model for a moment and puts all back: to diagnose it, to find a rate."""
