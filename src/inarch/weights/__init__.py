"""State dicts and graphs in and out.

Nothing is imported here: `inarch.weights.runtime` serves predictions, which must not pay for torch.
"""
