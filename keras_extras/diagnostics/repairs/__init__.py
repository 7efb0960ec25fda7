"""Makes repairs as data from findings, and words them."""
