"""Array aliases for signatures: within one signature, the same letter is the same size."""

from jaxtyping import Float, Int
from torch import Tensor

Images = Float[Tensor, "n 3 h w"]
Logits = Float[Tensor, "n classes"]
Labels = Int[Tensor, "n"]

MapIn = Float[Tensor, "n c_in h w"]
MapOut = Float[Tensor, "n c_out h_out w_out"]
