"""The format of a bundle: a folder with everything that a prediction needs, and nothing executable."""

from enum import StrEnum

FORMAT = 3
"""Raised by one when bundles of the older format can no longer be read."""


class BundleFile(StrEnum):
    """All files of a bundle; the card and the report are for people, who may edit them."""

    CONFIG = "config.json"
    CLASSES = "classes.txt"
    PREPROCESS = "preprocess.json"
    CALIBRATION = "calibration.json"
    METRICS = "metrics.json"
    GRAPH = "model.onnx"
    WEIGHTS = "model.safetensors"
    GOLDEN = "golden.npz"
    ANSWERING = "answering.npz"
    CARD = "README.md"
    REPORT = "report.html"


NEEDED = (
    BundleFile.CONFIG,
    BundleFile.CLASSES,
    BundleFile.PREPROCESS,
    BundleFile.CALIBRATION,
    BundleFile.GRAPH,
    BundleFile.GOLDEN,
)
"""Files that every prediction needs."""

SEALED = (
    BundleFile.CLASSES,
    BundleFile.PREPROCESS,
    BundleFile.CALIBRATION,
    BundleFile.METRICS,
    BundleFile.GRAPH,
    BundleFile.WEIGHTS,
    BundleFile.GOLDEN,
)
"""Files whose SHA-256 is in the config, so that no change goes unnoticed."""

OPTIONAL = (BundleFile.ANSWERING,)
"""Sealed if present; older and adapted bundles lack them."""
