"""`psiselect demo`, and the lists it runs on."""
