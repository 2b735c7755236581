"""Transfer learning: a pre-trained backbone, cut, cached, and given a new head."""
