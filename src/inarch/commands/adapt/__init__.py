"""Domain adaptation: a trained model, its labelled source photos, and photos of a target domain.

The target domain reaches every method of `methods` as images alone: none of their types has a field for its labels.
The methods of `labelled` receive the labels of some target photos separately.
"""
