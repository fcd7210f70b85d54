# syntax=docker/dockerfile:1
# One image for every process: web, relay, workers, Flower. What it runs is the command's affair,
# and so are the health checks: see docker-compose.yml.

FROM python:3.11-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/runtime.txt /tmp/runtime.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --require-hashes --requirement /tmp/runtime.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=config.settings.production \
    WILDRYDES_STATE_DIR=/var/lib/wildrydes
RUN groupadd --system --gid 10001 wildrydes \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin wildrydes
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY manage.py ./
COPY config ./config
COPY wildrydes ./wildrydes
COPY apps ./apps
# The key is used for this one command and stands in no layer's environment. The lake, the mail and
# the sandbox are directories of the user's own, so that a new volume mounted there is its own too.
RUN SECRET_KEY=only-for-collecting-static-files python manage.py collectstatic --noinput \
    && python -m compileall -q config wildrydes apps manage.py \
    && install --directory --owner=wildrydes --group=wildrydes --mode=0750 \
        "$WILDRYDES_STATE_DIR/lake" "$WILDRYDES_STATE_DIR/mail" "$WILDRYDES_STATE_DIR/sandbox"
USER 10001:10001
EXPOSE 8000
CMD ["granian", "--interface", "asginl", "config.asgi:application", "--host", "0.0.0.0", \
     "--port", "8000", "--workers", "1", "--no-ws"]
