"""`psiselect psi`."""
