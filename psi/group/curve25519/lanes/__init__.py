"""The vectorised backend: LLVM vector code, one curve point per 64-bit lane.

Read `field` first (how numbers are held and multiplied), then `ladder`, `elligator2`, `sha512`; `module` puts them
together, `kernel` compiles or finds the result, `backend` is what the rest of the project sees.
"""
