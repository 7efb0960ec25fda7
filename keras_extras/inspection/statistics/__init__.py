"""Statistics of one step, a file for each family: fields, reduction, decoding."""
