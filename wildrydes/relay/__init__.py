"""Message Relay: takes committed messages from Postgres to the subscribers' queues.

Guarantee: every committed message becomes a dispatch for every subscription that wants it, and
every dispatch is sent until it is acknowledged, whatever process or server dies in between.
Does not guarantee: that a dispatch is sent once, or in order of position.
Source: Richardson, Message Relay and Polling Publisher; Hohpe and Woolf, Guaranteed Delivery.
"""

from wildrydes.relay.loop import Relay

__all__ = ["Relay"]
