"""Pure functions of logits, probabilities and labels: NumPy in, floats and records out."""
