"""The commands: one folder for each, with its code, records, report, template and `cli.py`."""
