"""What an exported folder runs by itself: `answer.py`, and as `net.py` the file of the runtime it was exported to."""
