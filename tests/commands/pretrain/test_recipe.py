"""A recipe is checked as it is read."""

from pathlib import Path

import pytest

from inarch.commands.pretrain.recipe import read_recipe
from inarch.errors import UserError
from inarch.models import architecture
from inarch.training.config import TrainingConfig

RECIPES = Path(__file__).parents[3] / "recipes"
GOOD = """
model = "resnet18"
teacher = "efficientnet_lite0"
[training]
lr = 0.5
[[photos]]
photos = "some"
image_size = 32
[[phases]]
image_size = 32
chunks = 3
[[phases]]
image_size = 64
chunks = 2
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_the_file_says_is_what_the_recipe_is(tmp_path: Path) -> None:
    """The name is the file's; the epochs are the chunks of all phases; the size of a chunk is its phase's."""
    recipe = read_recipe(written(tmp_path, GOOD))
    assert (recipe.name, recipe.model) == ("mine", "resnet18")
    assert recipe.training == TrainingConfig(epochs=5, lr=0.5)
    assert [recipe.image_size(chunk) for chunk in range(1, 6)] == [32, 32, 32, 64, 64]
    with pytest.raises(UserError, match="fewer chunks"):
        recipe.image_size(6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model = ", "is no TOML"),
        ('model = "resnet18"\nteacher = "efficientnet_lite0"', "at least one"),
        (GOOD.replace("lr = 0.5", "rate = 0.5"), r"mine\.toml cannot be used: training has no 'rate'; there is .*lr"),
        (GOOD.replace("chunks = 2", ""), r"phases\[1\]\.chunks is missing"),
        (GOOD.replace('photos = "some"', 'photos = "some"\nmin_scale = 0.0'), r"min_scale of some must be in \(0, 1\]"),
        (GOOD.replace('photos = "some"', 'photos = "some"\nlabelled = false\ntaught = false'), "else it adds no loss"),
        (GOOD.replace("[training]", "weighting = 3\n[training]"), "weighting must be a table"),
        (GOOD.replace("chunks = 2", 'chunks = "2"'), r"phases\[1\]\.chunks must be a whole number, not '2'"),
        (GOOD.replace("chunks = 2", "chunks = true"), "chunks must be a whole number, not True"),
        (GOOD.replace("lr = 0.5", "lr = []"), r"training\.lr must be a number, not \[\]"),
        (GOOD.replace('photos = "some"', "photos = 3"), r"photos\[0\]\.photos must be text, not 3"),
        ("training = 3\n" + GOOD.replace("[training]\nlr = 0.5\n", ""), "training must be a table"),
        ("probes = 3\n" + GOOD, "probes must be a list, not 3"),
    ],
)
def test_a_wrong_recipe_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    """It says which setting is wrong, and what there is."""
    with pytest.raises(UserError, match=said):
        read_recipe(written(tmp_path, text))


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(UserError, match=r"nowhere\.toml cannot be read"):
        read_recipe(tmp_path / "nowhere.toml")


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_our_own_recipes_can_be_read_and_say_what_they_cost(path: Path) -> None:
    """Each names a net of the catalog, and begins with its command, data, time and expected result."""
    architecture(read_recipe(path).model)
    head = path.read_text("utf-8").split("\n\n")[0]
    assert all(word in head for word in ("command:", "data:", "time:", "result:"))
    assert f"recipes/{path.name}" in head
