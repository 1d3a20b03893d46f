"""`psiselect release`."""
