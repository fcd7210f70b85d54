"""The HTTP interface of customer payment. Nothing that looks like a card's number comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.customer_payment import queries, serializers
from apps.customer_payment.gateway import DeclinedError, GatewayError, webhooks
from apps.customer_payment.models import PaymentMethod
from apps.customer_payment.operations import methods, telling
from apps.identity.messages import CUSTOMER, STAFF, Caller
from wildrydes import redaction
from wildrydes.front_door import problems
from wildrydes.front_door.fields import NothingSerializer
from wildrydes.front_door.idempotency import once_per_key
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only

NOTHING = NothingSerializer()
METHOD = serializers.PaymentMethodSerializer()
PAYMENT = serializers.PaymentSerializer()
NO_CARDS = "This looks like a card's number, which must not be sent here."
RETRY = {"Retry-After": "2"}

Made = TypeVar("Made")


class CardlessView(APIView):
    """A view that refuses a request with a card's number in any field, by the field's name."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let the caller in, then look at all that was sent."""
        super().initial(request, *args, **kwargs)
        sent: list[Any] = [request.query_params.dict()]
        if request.method in ("POST", "PUT", "PATCH"):
            sent.append(request.data)
        found = [place for part in sent for place in redaction.places(part)]
        if found:
            raise ValidationError({place: [NO_CARDS] for place in found})


class PaymentMethodsView(CardlessView):
    """The calling customer's cards."""

    permission_classes = (only(CUSTOMER),)

    @extend_schema(
        operation_id="customers_me_payment_methods",
        responses={
            200: serializers.PaymentMethodsSerializer,
            **problem_responses(400, 401, 403),
        },
    )
    def get(self, request: Request) -> Response:
        """Return the caller's cards, newest first."""
        found = queries.methods_of(customer=_customer(request))
        return Response({"results": [METHOD.to_representation(method) for method in found]})

    @extend_schema(
        operation_id="customers_me_payment_methods_add",
        request=serializers.NewPaymentMethodSerializer,
        responses={
            201: serializers.PaymentMethodSerializer,
            **problem_responses(400, 401, 403, 409, 413, 415, 503),
        },
    )
    @once_per_key
    def post(self, request: Request) -> Response:
        """Keep a card, by the provider's token for it; a customer's first one is the default."""
        body = serializers.NewPaymentMethodSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        customer, token = _customer(request), body.validated_data["token"]
        try:
            method = _asked(lambda: methods.add(customer=customer, token=token, now=timezone.now()))
        except DeclinedError as error:
            raise ValidationError({"token": [f"The provider refused it: {error}."]}) from None
        except methods.TooManyError:
            detail = f"At most {methods.MOST} payment methods are kept; remove one first."
            raise problems.of_status(409, detail=detail) from None
        where = reverse("payment-method", kwargs={"id": method.id})
        return Response(METHOD.to_representation(method), 201, headers={"Location": where})


class PaymentMethodView(CardlessView):
    """One of the calling customer's cards."""

    permission_classes = (only(CUSTOMER),)

    @extend_schema(
        operation_id="customers_me_payment_methods_get",
        responses={
            200: serializers.PaymentMethodSerializer,
            **problem_responses(401, 403, 404),
        },
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Return the card."""
        mine = queries.methods_of(customer=_customer(request))
        return Response(METHOD.to_representation(get_object_or_404(mine, id=id)))

    @extend_schema(
        operation_id="customers_me_payment_methods_remove",
        responses={204: None, **problem_responses(401, 403, 404, 503)},
    )
    def delete(self, request: Request, id: UUID) -> Response:
        """Forget the card; the newest of the others becomes the default if this one was."""
        customer = _customer(request)
        _asked(lambda: methods.remove(customer=customer, method_id=id))
        return Response(status=204)


class DefaultView(CardlessView):
    """The choice of the card that payments are taken from."""

    permission_classes = (only(CUSTOMER),)

    @extend_schema(
        operation_id="customers_me_payment_methods_default",
        request=NothingSerializer,
        responses={
            200: serializers.PaymentMethodSerializer,
            **problem_responses(400, 401, 403, 404, 413, 415),
        },
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Take payments from this card from now on."""
        NOTHING.run_validation(request.data)
        customer = _customer(request)
        method = _asked(lambda: methods.make_default(customer=customer, method_id=id))
        return Response(METHOD.to_representation(method))


class PaymentsView(CardlessView):
    """Payments, found by the reference of whoever asked for them."""

    permission_classes = (only(STAFF),)

    @extend_schema(
        operation_id="payments_find",
        parameters=[serializers.ReferenceSerializer],
        responses={200: serializers.PaymentsSerializer, **problem_responses(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        """Return the payment with this reference, if there is one."""
        query = serializers.ReferenceSerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        found = queries.payments().filter(reference=query.validated_data["reference"])
        return Response({"results": [PAYMENT.to_representation(payment) for payment in found]})


class PaymentView(CardlessView):
    """One payment."""

    permission_classes = (only(STAFF),)

    @extend_schema(
        operation_id="payments_get",
        responses={200: serializers.PaymentSerializer, **problem_responses(401, 403, 404)},
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Return the payment with its refunds and its story."""
        return Response(PAYMENT.to_representation(get_object_or_404(queries.payments(), id=id)))


class WebhookView(APIView):
    """What the payment provider tells us by itself."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="payments_webhook",
        auth=[],
        parameters=[
            OpenApiParameter("Stripe-Signature", str, OpenApiParameter.HEADER, required=True)
        ],
        request={"application/json": OpenApiTypes.OBJECT},
        responses={200: OpenApiTypes.OBJECT, **problem_responses(400, 413, 503)},
    )
    def post(self, request: Request) -> Response:
        """Write down an event of the provider's, once; without its signature nothing is read."""
        signature = request.headers.get("Stripe-Signature", "")
        try:
            told = webhooks.read(request.body, signature=signature)
            telling.record(told=told, now=timezone.now())
        except webhooks.NotSignedError:
            detail = "The payment provider has not signed this."
            raise problems.of_status(400, detail=detail) from None
        except telling.NotYetError:
            raise problems.of_status(503, headers=RETRY) from None
        return Response({"received": True})


def _customer(request: Request) -> str:
    return Caller.of(request.user).customer


def _asked(operation: Callable[[], Made]) -> Made:
    """Carry out what needs the provider; it may not answer, and the card may not be there."""
    try:
        return operation()
    except PaymentMethod.DoesNotExist:
        raise Http404 from None
    except GatewayError:
        detail = "The payment provider does not answer right now."
        raise problems.of_status(503, detail=detail, headers=RETRY) from None
