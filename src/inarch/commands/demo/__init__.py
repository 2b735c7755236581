"""``inarch demo``: everything at once on photos that the package draws itself."""
