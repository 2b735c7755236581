"""The scripts of an exported folder: `answer.py`, and the file of its runtime as `model.py`."""
