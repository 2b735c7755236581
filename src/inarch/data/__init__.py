"""Photos in: scan, split, decode, store, augment. Only `inarch.data.augment` imports torch."""
