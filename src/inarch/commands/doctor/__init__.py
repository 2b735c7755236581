"""``inarch doctor``: what is wrong with photos and their labels."""
