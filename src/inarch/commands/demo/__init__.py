"""``inarch demo``: two bundles, trained on photos that need no download."""
