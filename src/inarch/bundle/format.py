"""What a bundle is: a folder that holds all that a prediction needs, and nothing executable."""

FORMAT = 3
"""Raised when a bundle of the older kind can no longer be read as it is."""

CONFIG = "config.json"
CLASSES = "classes.txt"
PREPROCESS = "preprocess.json"
CALIBRATION = "calibration.json"
ANSWERING = "answering.npz"
METRICS = "metrics.json"
GRAPH = "model.onnx"
WEIGHTS = "model.safetensors"
GOLDEN = "golden.npz"
CARD = "README.md"
REPORT = "report.html"

NEEDED = (CONFIG, CLASSES, PREPROCESS, CALIBRATION, GRAPH, GOLDEN)
"""Files without which nothing can be predicted."""

SEALED = (CLASSES, PREPROCESS, CALIBRATION, METRICS, GRAPH, WEIGHTS, GOLDEN)
"""Files whose SHA-256 stands in the config, so that none can be exchanged or altered without a word."""

OPTIONAL = (ANSWERING,)
"""Sealed where they are there; older bundles, and adapted ones, have none."""

FILES = (CONFIG, *SEALED, *OPTIONAL, CARD, REPORT)
"""Everything that a bundle holds; the card and the report are for people, who may edit them."""
