"""State dicts and graphs in and out.

Nothing is imported here: `inarch.runtime.session` serves predictions, which must not pay for torch.
"""
