"""Judges by exact tests: what is there or is not, whatever the loss does."""
