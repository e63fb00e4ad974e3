"""A user's own folder of recordings, described by corpus.toml."""
