"""Unsupervised domain adaptation: a trained net, labelled photos that it knows, and photos of another domain.

The target domain reaches every method as images alone: no type here has a place for its labels.
"""
