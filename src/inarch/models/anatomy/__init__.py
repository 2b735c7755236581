"""A model measured into records: every operator, its cost and its receptive field."""
