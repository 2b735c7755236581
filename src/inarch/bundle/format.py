"""What a bundle is: a folder that holds all that a prediction needs, and nothing executable."""

FORMAT = 1
"""Raised when a bundle of the older kind can no longer be read as it is."""

CONFIG = "config.json"
CLASSES = "classes.txt"
PREPROCESS = "preprocess.json"
CALIBRATION = "calibration.json"
METRICS = "metrics.json"
GRAPH = "model.onnx"
WEIGHTS = "model.safetensors"
GOLDEN = "golden.npz"
CARD = "README.md"
REPORT = "report.html"

NEEDED = (CONFIG, CLASSES, PREPROCESS, CALIBRATION, GRAPH, GOLDEN)
"""Files without which nothing can be predicted."""
