"""Writes statistics and findings to TensorBoard's event files."""
