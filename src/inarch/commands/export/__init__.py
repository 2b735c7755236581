"""``inarch export``: a bundle for other programs."""
