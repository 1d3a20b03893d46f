"""The `psiselect` command: thin adapters over `psi`, `dpselect` and `mpc`."""
