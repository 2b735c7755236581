"""Checks of photos: each file looks for a few kinds of findings, and none of them changes a file."""
