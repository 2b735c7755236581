"""Options of commands: checks, and values as people write them."""
