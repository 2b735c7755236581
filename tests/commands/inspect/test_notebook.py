"""What a notebook shows in place of a net's text."""

import xml.etree.ElementTree as ET
from pathlib import Path

from torch import nn

from inarch.bundle.reading import read_bundle
from inarch.models import (
    Backbone,
    Block,
    Classifier,
    build,
    linear_head,
)
from trained import Trained


def title_of(html: str) -> str:
    """The title of the picture that is all there is."""
    title = ET.fromstring(html).find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    return title.text or ""


def test_a_net_shows_its_picture() -> None:
    """Under its own name and for its own image size; one that was put together by hand, too."""
    assert "resnet_tiny:width=0.5" in title_of(build("resnet_tiny:width=0.5", classes=3)._repr_html_())
    assert "96 × 96 pixels" in build("inception_v3_tiny", device="meta")._repr_html_()
    own = Classifier(Backbone({"stem": [Block("conv", nn.Conv2d(3, 4, 3), 4, 1)]}), linear_head(4, 2))
    assert "classifier" in title_of(own._repr_html_())


def test_a_bundle_shows_its_nets_picture(tiny: Trained) -> None:
    """Under the name of its folder, whatever that is."""
    assert Path(tiny.bundle).name in title_of(read_bundle(tiny.bundle)._repr_html_())
