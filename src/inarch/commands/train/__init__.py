"""``inarch train``: photos in, bundle out."""
