"""What can be wrong with photos: each file looks for a few kinds of findings, and none of them touches a file."""
