"""The ground floor: what every room stands on.

    errors       every error that the project raises on purpose, one tree
    entropy      the source of random bits; seeded: bits that can be drawn again
    packed       many byte strings in one buffer
    sorting      the order of 64-bit numbers
    strict_json  JSON as a hostile peer may send it
    toml_file    TOML files that people write
    durable      files that a crash must not undo: logs that only grow, SQLite transactions, syncs
    atomic       outputs that appear whole or not at all; stands on durable
    working      the folder for working files
    rows         rows of a table as text, and faults: what readers and users of tables share
    splitting    lines of text to rows of fields: CSV and files like it
    columns      rows of a table as columns of text, in chunks
    linewise     bytes to columns, where a line is a row
    words        what people read from this room
    later        modules that are loaded when they are used
    events       what a log line carries besides its text, and loggers that raise nothing
    turns        which message may come when, looked up in a table
    threads      threads: what is said when the system grants no more of them, and how long one may wait

Rule: imports nothing of the project outside this folder.
"""
