"""The ground floor: what every room stands on. Imports nothing of the project outside this folder.

errors       every error that the project raises on purpose, one tree
entropy      the source of random bits; seeded: bits that can be drawn again
packed       many byte strings in one buffer
strict_json  JSON as a hostile peer may send it
atomic       outputs that appear whole or not at all
events       what a log line carries besides its text
"""
