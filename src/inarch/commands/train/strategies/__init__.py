"""One file for each training strategy; each is a function from a run to its result."""
