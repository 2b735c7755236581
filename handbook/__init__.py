"""The parts of the documentation that the tool writes: figures, tables and measured numbers.

A page in ``docs`` holds text of ours and, between ``<!-- part: … -->`` and ``<!-- end -->``, what a part says.
``python -m handbook`` writes every part anew; a test holds the committed pages to that.
"""
