"""Reads the data of a user: batches of whatever `fit` takes, and samples of them."""
