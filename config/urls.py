"""Every path: the installed services' own, and what the front door itself answers."""

import importlib
from importlib.util import find_spec
from types import ModuleType

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from wildrydes.front_door import health
from wildrydes.front_door.throttling import throttled

SAFE = ["get", "head"]

handler400 = "wildrydes.front_door.problems.bad_request"
handler403 = "wildrydes.front_door.problems.permission_denied"
handler404 = "wildrydes.front_door.problems.not_found"
handler500 = "wildrydes.front_door.problems.server_error"


def _service_urls() -> list[ModuleType]:
    """Return the `urls` module of each installed service that serves anything."""
    names = [f"{service}.urls" for service in settings.SERVICES]
    return [importlib.import_module(name) for name in names if find_spec(name)]


def _aliases(module: ModuleType) -> list[URLPattern]:
    return getattr(module, "alias_urlpatterns", [])


urlpatterns = [
    path("api/v1/", include([found for module in _service_urls() for found in module.urlpatterns])),
    path("", csrf_exempt(RedirectView.as_view(url="/api/docs", http_method_names=SAFE))),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/login/", throttled(admin.site.login)),
    path("admin/", admin.site.urls),
    path("api/schema", SpectacularJSONAPIView.as_view(), name="schema"),
    path(
        "api/docs",
        SpectacularSwaggerView.as_view(url_name="schema", http_method_names=SAFE),
        name="docs",
    ),
    *(pattern for module in _service_urls() for pattern in _aliases(module)),
]
