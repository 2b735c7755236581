"""The departures of the residual models from their papers, each declared once; a row of the catalog names its own."""

from enum import Enum

from inarch.models.anatomy.records import Departure


class ResNetDeparture(Enum):
    """A way in which some residual models of the catalog differ from their papers."""

    STRIDE_ON_3X3 = Departure(
        "A bottleneck that halves the grid strides in its 3x3 convolution (v1.5); in the paper in its first 1x1.",
        "A 1x1 with stride 2 never looks at three pixels of four; ResNet-50 then takes 4.09 instead of 3.86 GMACs. "
        "Every checkpoint of torchvision and timm is of this kind.",
        "torchvision/models/resnet.py, class Bottleneck; KaimingHe/deep-residual-networks, prototxt: res3a_branch2a",
    )
    PROJECTIONS = Departure(
        "Shortcuts that change shape are 1x1 projections with batch normalisation (option B); in the paper's 18- and "
        "34-layer models of Table 2 they pad with zero channels (option A).",
        "Option B was the better of the two (Table 3), and torchvision's and timm's checkpoints have it.",
        "He et al. 2016, sections 3.3 and 4.1, Tables 2 and 3; torchvision/models/resnet.py",
    )
    POOL_PADDING = Departure(
        "The stem's pool pads one pixel on every side and rounds down; in the paper's release it pads none and rounds "
        "up.",
        "Both give 56 of 112 pixels, but other values at the border; torchvision's and timm's checkpoints pad.",
        "torchvision/models/resnet.py, maxpool; KaimingHe/deep-residual-networks, prototxt: pool1",
    )
    CHANNEL_MEAN = Departure(
        "Images are normalised by a mean and a standard deviation for each channel; in the paper a mean image is "
        "subtracted, pixel by pixel, and nothing is divided.",
        "A mean image fits one image size only; the public checkpoints were trained with three means and deviations.",
        "He et al. 2016, section 3.4",
    )
    ZERO_START = Departure(
        "The last batch normalisation of every residual path starts at zero; in the paper at one.",
        "Every block starts as its shortcut, which makes the first epochs easier. torchvision leaves this off "
        "(zero_init_residual=False), timm has it on (zero_init_last=True).",
        "Goyal et al. 2017, arXiv 1706.02677, section 5.1",
    )
    NARROW_LINEAR = Departure(
        "The linear layer starts normal with standard deviation 0.01; in the paper it starts as the convolutions do.",
        "Logits start near zero, so that the first loss is that of a guess, whatever the width.",
        "Goyal et al. 2017, arXiv 1706.02677, section 5.1; He et al. 2016, section 3.4",
    )
    TORCH_START = Departure(
        "Convolutions start with variance 2 / fan-in, the linear layer normal with standard deviation 0.01; in the "
        "authors' Torch code with 2 / fan-out, and uniform up to 1 / sqrt(fan-in).",
        "One initialisation for the whole catalog.",
        "facebookarchive/fb.resnet.torch, models/resnet.lua, on which the authors' code builds: ConvInit",
    )
    XAVIER = Departure(
        "Convolutions start as in He et al. 2015, the linear layer normal with standard deviation 0.01; in the paper "
        "both start uniform, after Xavier.",
        "One initialisation for the whole catalog.",
        "He et al. 2019, arXiv 1812.01187, section 2.1",
    )
    BASIC_D = Departure(
        "Deep stem and averaging shortcut around basic blocks; the paper has them around bottlenecks only.",
        "timm's checkpoints resnet18d and resnet34d.",
        "He et al. 2019, arXiv 1812.01187, section 4; timm/models/resnet.py, resnet18d",
    )
    SMALL_IMAGES = Departure(
        "The stem is one 3x3 with stride 1 and no pool; in the paper a 7x7 with stride 2 and a pool.",
        "The paper's stem leaves 2 x 2 values of an image of 64 pixels; this one leaves 8 x 8.",
        "He et al. 2016, Table 1; the stem is that of its section 4.2",
    )
    HALF_WIDTH = Departure(
        "Every width behind the stem is half of the paper's: bottlenecks of 32 to 256 channels, 128 to 1,024 between "
        "them.",
        "The model of Yahoo's open_nsfw, resnet_50_1by2, of which the weights are.",
        "jay-mahadeokar/pynetbuilder, models/imagenet/Readme.md; He et al. 2016, Table 1",
    )
    BYTES = Departure(
        "Photos come in as bytes less (123, 117, 104) in RGB; in the paper less a mean image, pixel by pixel.",
        "open_nsfw's mean, there in BGR: its first convolution's channels are turned round as its weights are read.",
        "yahoo/open_nsfw, classify_nsfw.py; He et al. 2016, section 3.4",
    )
    MODERATION = Departure(
        "Its public weights know another task: they were trained on ImageNet and then fine-tuned for content "
        "moderation, to tell pornographic photos from others; the paper's are ImageNet's.",
        "No package brings others.",
        "yahoo/open_nsfw, README.md (BSD-2-Clause)",
    )
    THREE_QUARTERS = Departure(
        "Every width is three quarters of the paper's: 48 to 384 channels.",
        "The embedded backbone has to be small.",
        "He et al. 2016, Table 1",
    )
    CIFAR_MEAN = Departure(
        "Images are normalised by ImageNet's mean and standard deviation for each channel; in the paper CIFAR's mean "
        "image is subtracted, pixel by pixel.",
        "The public checkpoints of these models were trained so.",
        "akamaster/pytorch_resnet_cifar10, trainer.py; He et al. 2016, section 4.2",
    )
    ZEROS_AROUND = Departure(
        "A shortcut that widens puts half of its zero channels before the map's and half behind; the paper doesn't say "
        "where they go, and Facebook's Torch code puts all of them behind.",
        "The public checkpoints of these models were trained so; the two differ by an order of channels only.",
        "akamaster/pytorch_resnet_cifar10, resnet.py; facebookarchive/fb.resnet.torch, models/resnet.lua",
    )
    LATE_ACTIVATION = Departure(
        "The stem is a convolution and a pool, and the first block has a pre-activation of its own, behind which its "
        "shortcut begins only if it projects; in the paper the activation follows the stem's convolution at once.",
        "timm's checkpoints resnetv2_18 to resnetv2_152.",
        "timm/models/resnetv2.py, create_resnetv2_stem; arXiv 1603.05027, appendix; fb.resnet.torch, "
        "models/preresnet.lua",
    )
    BASIC_V2 = Departure(
        "Basic blocks on photos; the paper's models for ImageNet are of bottlenecks, with 101, 152 and 200 layers.",
        "timm's checkpoints resnetv2_18 and resnetv2_34.",
        "timm/models/resnetv2.py, class PreActBasic; arXiv 1603.05027, Table 5",
    )
    HALF_MEAN = Departure(
        "Images are normalised to -1 … 1; in the paper by ImageNet's mean and standard deviation for each channel.",
        "timm's checkpoints were trained so.",
        "timm/models/resnetv2.py, _cfg; facebookarchive/fb.resnet.torch, datasets/imagenet.lua",
    )
    FOREIGN_MEAN = Departure(
        "Images are normalised by ImageNet's mean and standard deviation for each channel; in the paper by CIFAR's "
        "own.",
        "The same photo then means the same to every model for small images of the catalog.",
        "facebookarchive/fb.resnet.torch, datasets/cifar10.lua",
    )


def departures_of(*members: ResNetDeparture) -> tuple[Departure, ...]:
    """The departures that ``members`` stand for, as a row of the catalog takes them."""
    return tuple(member.value for member in members)
