"""Message Filter: a subscription receives only the messages that its own policy lets through.

A policy is a JSON object that the subscriber owns; the publisher knows nothing of it. Every key
must match, any value in a key's list may match, and `{}` lets everything through. The scope says
what is looked at: the message's "attributes" (flat) or its "body" (nested).

Guarantee: the answer depends on the policy and the message alone, and a policy that `validate`
accepts never makes `matches` raise, whatever the message holds.

Does not guarantee: that a policy can match at all (`validate` looks at form, not at sense), or
anything about a policy that was not validated.

Source: Enterprise Integration Patterns, Message Filter; the JSON shape of the policy language
follows that of the cloud notification services.
"""

from wildrydes.filters.matching import matches
from wildrydes.filters.validation import validate

__all__ = ["matches", "validate"]
