"""The Python face: the functions that the commands call, and that `inarch` offers to scripts."""
