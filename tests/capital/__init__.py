"""The money side."""
