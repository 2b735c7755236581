"""Options: declared once in frozen records, read from the command line, checked, and shown in the documentation."""
