"""``inarch doctor``: faults of photos and their labels."""
