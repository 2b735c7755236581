"""Speed without changes of the architecture: folding, fused convolutions, a weight gradient."""
