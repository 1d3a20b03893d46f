"""Sessions between two parties, put together once for the library and the command.

    given       the options of a session: typed, each one checked by itself
    shared_terms  what both sides agree on, in a file that both use; it sets some of these options
    choices     the same checked together, in groups; values: what is asked of values that add up
    own_side    this side of a session, ready for its peer; list_notes: what it is told of its list
    guard       the policy, asked; records: audit line and signed record; results: what was found, and where it goes
    files       each file of a call has one purpose; spare: where a result is kept that cannot be written
    network     one session, waiting or calling; kept: one that is kept in a folder
    both_here   without a network; both_lists: its two lists
    by_files    the same exchange by files; placed: one file, or a directory; prediction: what a session would cost
    by_engine   the same by directories, which an engine makes; engine_side: its session, list and working files
    engine_choice: which engine; exchanges: by files or by an engine, as the options say
    serving     a listener that keeps running; served: its sessions; renewal: its certificates; service_state: what
                it says; session_files: what each of its sessions writes
    calls, calls_by_files, calls_to_serve, beforehand: the public functions; public: what they share
    asked       their arguments; asked_engine: those about an engine; answers: what they return
    observing   log and spans
    words       what people read from this room; words_calls, words_exchanges, words_terms: of calls, exchanges, terms
    verifying   the signed record of a session, checked afterwards

Rule: what can go wrong on this side alone comes before the peer is called.
"""
