"""API Front Door: strict JSON in, JSON or problem details out; who calls, how fast, how healthy.

Guarantee: an input that a serializer does not describe is refused with the field named; every
error outside the admin is an RFC 9457 problem.
Does not guarantee: authorisation of single objects; each service's queries decide who sees what.
Source: RFC 9457; RFC 8259; W3C Trace Context.
"""
