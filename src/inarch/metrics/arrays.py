"""Array aliases for signatures, without torch: within one signature, the same letter is the same size."""

import numpy as np
from jaxtyping import Bool, Float, Int

LogitArray = Float[np.ndarray, "n classes"]
Probabilities = Float[np.ndarray, "n classes"]
LabelArray = Int[np.ndarray, "n"]
Losses = Float[np.ndarray, "n"]
WeightArray = Float[np.ndarray, "n"]
Confidence = Float[np.ndarray, "n"]
Correct = Bool[np.ndarray, "n"]
Novelty = Float[np.ndarray, "n"]
Confusion = Int[np.ndarray, "k k"]
"""Row: true class; column: predicted class."""
AnyScores = Float[np.ndarray, "rows columns"]
AnyLabels = Int[np.ndarray, "labels"]
"""For checks of arguments that may not fit each other."""
