"""`psiselect demo`.

    command  two companies match customer lists, here and now
    samples  the lists: fictional people, real mess
    words    errors and results

Rule: the demo checks its own result against a plain join.
"""
