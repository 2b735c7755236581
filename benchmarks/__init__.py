"""Measurements that are not tests: each prints its table and writes JSON with versions and hardware."""
