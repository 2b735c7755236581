"""``python -m inarch``: the command line, where its script is not on the path."""

from inarch.commands.cli import run

if __name__ == "__main__":
    run()
