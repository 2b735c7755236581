"""Files written whole or not at all, the cache, locks."""
