"""Claims of the literature, put to the test on this machine: one file for each in ``claims``."""
