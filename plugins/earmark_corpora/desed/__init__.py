"""DESED: its recorded part and its soundbank."""
