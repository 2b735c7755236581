"""``inarch rename``: another name for a class of a trained bundle."""
