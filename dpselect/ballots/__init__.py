"""Readers of ballot files: text in, a profile or a line-numbered error out."""
