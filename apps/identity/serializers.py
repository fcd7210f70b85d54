"""The shapes of identity's API."""

from rest_framework import serializers

from wildrydes.front_door.fields import StrictSerializer, TextField


class CredentialsSerializer(StrictSerializer):
    """What a caller proves themselves with."""

    username = TextField()
    password = TextField(is_secret=True)


class TokenSerializer(StrictSerializer):
    """A token, which is shown this once."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
