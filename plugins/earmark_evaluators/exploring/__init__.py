"""What a run got wrong, where, and beside what: tables and figures for a person who listens."""
