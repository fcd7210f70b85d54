"""The load generator: one thread, keep-alive sockets, requests that are bytes before they start.

httpx takes more CPU for a request than the server does; on two cores that would be what is
measured. The same generator serves every side.
"""
