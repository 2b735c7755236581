"""Predictions of an exported model: ``python answer.py PHOTO …`` prints a line of JSON for each photo.

Reads this folder and the photos, and needs NumPy, Pillow and the runtime that ``model.py`` imports; inarch is not
needed.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from model import outputs
from numpy.typing import NDArray
from PIL import Image, ImageOps


def main() -> None:
    """Print one line for each photo."""
    here = Path(__file__).parent
    about = json.loads((here / "about.json").read_text("utf-8"))
    known = np.load(here / "known.npy").astype(np.float32) if about["rule"] else None
    for photo in sys.argv[1:]:
        try:
            pixels = pixels_of(photo, about["preprocessing"])
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for files that it cannot read
            sys.exit(f"{photo} cannot be read as a photo: {getattr(error, 'strerror', None) or error}")
        logits, features = outputs(pixels[None])
        print(json.dumps({"photo": photo, **apply_rule(about, logits[0], features[0], known)}), flush=True)


def pixels_of(photo: str, preprocessing: dict[str, Any]) -> NDArray[np.uint8]:
    """The centre square of a photo, upright, (side, side, 3) RGB."""
    side = preprocessing["image_size"]
    with Image.open(photo) as opened:
        opened.draft(None, (side, side))  # a JPEG may be decoded at a fraction of its size
        image = ImageOps.exif_transpose(opened).convert("RGB")
    edge = min(image.size)
    left, top = (image.width - edge) / 2, (image.height - edge) / 2
    resampling = Image.Resampling[preprocessing["interpolation"].upper()]
    return np.array(image.resize((side, side), resampling, box=(left, top, left + edge, top + edge)))


def apply_rule(
    about: dict[str, Any], logits: NDArray[np.float32], features: NDArray[np.float32], known: NDArray[np.float32] | None
) -> dict[str, Any]:
    """Probabilities, and the answer by the rule: the most probable class, or the reason for abstaining."""
    scaled = np.exp((logits.astype(np.float64) - logits.max()) / about["temperature"])
    probabilities = scaled / scaled.sum()
    first, second = np.argsort(-probabilities, kind="stable")[:2]
    best, abstention, rule = about["classes"][first], "", about["rule"]
    if known is not None:
        direction = (features / max(float(np.linalg.norm(features)), 1e-12)).astype(np.float16).astype(np.float32)
        nearest = np.sort(known @ direction)[max(0, len(known) - rule["neighbours"])]
        if 1 - float(nearest) > rule["novelty"]:
            abstention = "out-of-distribution (unlike the training set)"
        elif rule["confidence"] is None or probabilities[first] <= rule["confidence"]:
            abstention = f"low confidence ({best} or {about['classes'][second]})"
    return {
        "answer": "" if abstention else best,
        "abstention": abstention,
        "probabilities": dict(zip(about["classes"], probabilities.tolist(), strict=True)),
        "logits": logits.tolist(),
    }


if __name__ == "__main__":
    main()
