"""Grafting: a backbone that knows something already, cut, cached, and given a new head."""
