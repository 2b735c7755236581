"""One table for each source of weights: its names and ours."""
