"""Draws samples on the torch backend."""
