"""``inarch inspect`` and ``inarch models``: a model measured, compared and drawn."""
