"""Private selection and private numbers, sampled exactly. Start at `dpselect.mechanisms`."""
