"""The format of a bundle: a folder with everything that a prediction needs, and nothing executable."""

FORMAT = 3
"""Raised by one when bundles of the older format can no longer be read."""

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
"""Files that every prediction needs."""

SEALED = (CLASSES, PREPROCESS, CALIBRATION, METRICS, GRAPH, WEIGHTS, GOLDEN)
"""Files whose SHA-256 is in the config, so that no change goes unnoticed."""

OPTIONAL = (ANSWERING,)
"""Sealed if present; older and adapted bundles lack them."""

FILES = (CONFIG, *SEALED, *OPTIONAL, CARD, REPORT)
"""All files of a bundle; the card and the report are for people, who may edit them."""
