"""``inarch pretrain``: backbones of our own, from a recipe, photos of many kinds and a teacher, in resumable runs."""
