"""Dead Letter Channel: what failed for good is kept, explained, and can be put right by a person.

Guarantee: a dead letter stays, with its message, error and history, until a person redrives or
discards it; who did what is on record, in the same transaction. A redriven message keeps its id,
so it takes effect once however often it is redriven.
Does not guarantee: that a redriven message succeeds. It gets the attempts of its policy again, or
one in a canary redrive, and is a dead letter again after that.
Source: Hohpe and Woolf, Dead Letter Channel, Invalid Message Channel.
"""
