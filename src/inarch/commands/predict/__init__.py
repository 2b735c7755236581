"""``inarch predict``: the classes of photos, without torch."""
