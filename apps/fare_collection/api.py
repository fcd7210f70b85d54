"""The HTTP interface of fare collection."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.fare_collection import queries, serializers
from apps.fare_collection.models import FareCollection, FareRefund
from apps.fare_collection.operations import refunding
from apps.identity.messages import STAFF, Caller
from wildrydes.front_door import paging
from wildrydes.front_door.idempotency import once_per_key
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only
from wildrydes.front_door.problems import Problem

COLLECTION = serializers.FareCollectionSerializer()
REFUND = serializers.RefundSerializer()
WANTED = serializers.WantedRefundSerializer()


class MayRefund(BasePermission):
    """Let those pass who may give collected fares back."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the caller has the permission."""
        return bool(request.user.has_perm("fare_collection.refund_farecollection"))


class FareCollectionsView(APIView):
    """The collections of fares."""

    @extend_schema(
        operation_id="fare_collections_list",
        parameters=[serializers.FareCollectionQuerySerializer],
        responses={
            200: PolymorphicProxySerializer(
                component_name="FareCollectionOrPage",
                serializers=[
                    serializers.FareCollectionWithRefundsSerializer,
                    serializers.FareCollectionPageSerializer,
                ],
                resource_type_field_name=None,
                many=False,
            ),
            **problem_responses(400, 401, 404),
        },
    )
    def get(self, request: Request) -> Response:
        """Return the collection of a ride, or a page of those that the caller may see."""
        query = serializers.FareCollectionQuerySerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        caller = Caller.of(request.user)
        if "ride" in query.validated_data:
            found = queries.of_ride(ride=query.validated_data["ride"], caller=caller)
            if found is None:
                raise Http404
            return Response(_shown(found))
        return Response(self._page(request, caller))

    def _page(self, request: Request, caller: Caller) -> dict[str, Any]:
        page = paging.asked_for(request)
        found = queries.newest(caller=caller, limit=page.limit, before=page.before)
        following = paging.next_page(request, after=found.continues_after)
        return {
            "results": [COLLECTION.to_representation(row) for row in found.rows],
            "next": following,
        }


class FareCollectionView(APIView):
    """One collection."""

    @extend_schema(
        operation_id="fare_collections_get",
        responses={
            200: serializers.FareCollectionWithRefundsSerializer,
            **problem_responses(401, 404),
        },
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Return the collection with its steps and its history."""
        visible = queries.visible_to(caller=Caller.of(request.user))
        return Response(_shown(get_object_or_404(visible, id=id)))


class RefundsView(APIView):
    """The refund of a fare."""

    permission_classes = (only(STAFF), MayRefund)

    @extend_schema(
        operation_id="fare_collections_refund",
        request=serializers.WantedRefundSerializer,
        responses={
            202: serializers.RefundSerializer,
            **problem_responses(400, 401, 403, 404, 409, 413, 415),
        },
    )
    @once_per_key
    def post(self, request: Request, id: UUID) -> Response:
        """Begin to give a collected fare back, or a part of it."""
        wanted = WANTED.run_validation(request.data)
        try:
            refund = refunding.ask(
                collection_id=id,
                amount=wanted.get("amount"),
                why=wanted["reason"],
                by=request.user.get_username(),
                now=timezone.now(),
            )
        except FareCollection.DoesNotExist:
            raise Http404 from None
        except (refunding.NothingToRefundError, refunding.TooMuchError) as error:
            raise _refusal(error) from None
        where = reverse("fare-refund", kwargs={"id": id, "refund": refund.id})
        shown = REFUND.to_representation(queries.standing(refund))
        return Response(shown, 202, headers={"Location": where})


class RefundView(APIView):
    """One refund."""

    @extend_schema(
        operation_id="fare_collections_refund_get",
        responses={200: serializers.RefundSerializer, **problem_responses(401, 404)},
    )
    def get(self, request: Request, id: UUID, refund: UUID) -> Response:
        """Return the refund with its steps and its history."""
        visible = queries.visible_to(caller=Caller.of(request.user))
        refunds = FareRefund.objects.filter(collection__in=visible).select_related("collection")
        found = get_object_or_404(refunds, id=refund, collection=id)
        return Response(REFUND.to_representation(queries.standing(found)))


def _shown(row: FareCollection) -> dict[str, Any]:
    """Return the collection and, beside it, what was given back of it."""
    refunds = [
        REFUND.to_representation(queries.standing(refund))
        for refund in queries.refunds_of(collection=row)
    ]
    return {**COLLECTION.to_representation(queries.standing(row)), "refunds": refunds}


def _refusal(error: refunding.NothingToRefundError | refunding.TooMuchError) -> Problem:
    if isinstance(error, refunding.TooMuchError):
        title, extra = "More than is left of the fare", {"left": f"{error.left:.2f}"}
        return Problem(409, "refund-too-large", title, f"{error}.", extra=extra)
    extra = {"collection": str(error.collection.id), "state": error.collection.status}
    return Problem(409, "nothing-to-refund", "There is nothing to give back", extra=extra)
