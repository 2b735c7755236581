"""Domain adaptation: a trained net, labelled photos that it knows, and photos of another domain.

The target domain reaches every method of `methods` as images alone: none of the types that they take has a place for
its labels. What may learn from some of them, in `labelled`, is handed these beside.
"""
