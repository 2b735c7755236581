"""``inarch study``: claims of the literature, tested on this machine; one file for each in ``claims``."""
