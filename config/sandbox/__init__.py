"""A payment provider to rehearse with: a process of its own, with a ledger of its own.

It speaks the part of Stripe's wire protocol that our gateway uses, so that the same official
client runs against both. No money moves. It shares no code and no database with the rest.

Guarantee: what it has answered it has written down before, so that a kill -9 loses nothing and a
restart remembers; a request that comes again under its idempotency key is answered as it was.
Does not guarantee: anything about Stripe beyond what the gateway asks of it.
"""
