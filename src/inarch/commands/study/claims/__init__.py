"""One file for each claim: its statement, source and threshold, and the function that measures it."""
