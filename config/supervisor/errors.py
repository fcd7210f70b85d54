"""What `manage.py up` ends with when it cannot do its work."""


class PlatformError(Exception):
    """The platform cannot be started; the text says what to do about it."""
