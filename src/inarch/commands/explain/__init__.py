"""``inarch explain``: features and attributions of a trained model, each compared with a randomly initialised model."""
