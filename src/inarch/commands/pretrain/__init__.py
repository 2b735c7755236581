"""Backbones of our own: a recipe, photos of many kinds, a teacher, and hours that may be spread over sittings."""
