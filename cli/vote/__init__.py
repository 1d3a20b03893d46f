"""`psiselect vote`."""
