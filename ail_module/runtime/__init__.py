"""One process of a module: it takes messages off AIL's queue, works on them, and loses none.

Which process holds what, and what happens to it if the module is killed (kill -9, out of memory):

    what                    who holds it                               after the kill
    a waiting message       AIL's Redis: queue:<module>:in             nothing; the next process takes it
    a message in work       this process, and AIL's ledger:            found after grace_seconds, counted as a
                            obj:modules:<object>                       failed attempt, and queued again
                                                                       (lost_messages.py)
    a message that waits    this process, and AIL's ledger:            found in the same way and queued again;
    for its next attempt    obj:queues:<object>                        not counted
    attempts, dead letters  the store: ail:attempts:, ail:dead:        nothing
    a picture               a decoder process, a child of this one     the decoder ends, too
    a change of AIL         the store: ail:wrote:<object>, not         whoever next writes about the object or
                            settled                                    checks it finishes the change
    the lock of an object   the store, with the id of the process      taken over at once on the same machine,
                                                                       else after 30 s
    a cluster that is       the store: ail:star:<cluster>              the next write or check goes on there
    being checked
    answers of analysts     AIL's tags                                 the next pass reads them again

The oldest living process of a module looks for lost messages; if none is left, the first one that is started.
Everything may therefore be done twice, and doing it twice changes nothing.
"""
