"""``inarch evaluate``: the figures of a bundle on labelled photos."""
