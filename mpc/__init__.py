"""Sums and less informative functions among n parties who trust nobody. Start at `mpc.securesum`."""
