"""`psiselect mpc`."""
