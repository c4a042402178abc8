# One image for all processes; Kubernetes names the one to run: python -m services.customers, python -m gateway ...
FROM python:3.12-slim AS build
COPY requirements-runtime.lock /
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /requirements-runtime.lock

FROM python:3.12-slim
# Compiled ahead: the file system is read-only where this runs. The code is not installed but found by its path, so that
# the image holds no build tools.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app:/app/protos \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY protos protos
COPY chassis chassis
COPY services services
COPY gateway gateway
RUN python -m compileall -q /app
USER 10001:10001
CMD ["python", "-m", "gateway"]
