# The mirror as an image: make image PYTHON=docker.io/library/python@sha256:…
#
# PYTHON is any image with Python 3.11 or newer, pip and a shell, from a registry that does not go down together with
# GitLab's. It has no default and must be a digest: behind a tag there is another image every month, and a digest written
# here would be one that nobody renews. Today's is printed by
#   docker buildx imagetools inspect docker.io/library/python:3.11-slim-bookworm --format '{{.Manifest.Digest}}'
# RUNTIME may be a smaller one with the same Python and glibc, such as gcr.io/distroless/python3-debian12@sha256:…:
# nothing that runs needs a shell or pip.
ARG PYTHON="missing: --build-arg PYTHON=docker.io/library/python@sha256:... (the first lines of the Dockerfile say more)"
ARG RUNTIME=${PYTHON}

FROM ${PYTHON} AS build
ARG PYTHON
ARG RUNTIME=${PYTHON}
RUN for base in "$PYTHON" "$RUNTIME"; do case $base in *@sha256:*) ;; *) \
        echo "$base can be another image tomorrow: name it by its digest, as the first lines of the Dockerfile say" >&2; \
        exit 2 ;; esac; done
WORKDIR /build
COPY requirements/run.txt ./
RUN python3 -m pip install --quiet --no-cache-dir --no-compile --root-user-action=ignore --require-hashes \
        --only-binary=:all: --target=/out/app/lib -r run.txt && rm -rf /out/app/lib/bin
COPY mirror /out/app/lib/mirror
COPY LICENSE /out/app/
# Compiled here, since the file system is read-only later; by content, so that no clock is in the result.
ARG SOURCE_DATE_EPOCH=0
RUN PYTHONHASHSEED=0 python3 -m compileall -q --invalidation-mode unchecked-hash -s /out /out/app/lib \
    && find /out -exec touch -h -d "@${SOURCE_DATE_EPOCH}" {} +

FROM ${RUNTIME}
ARG REVISION=unknown
ARG VERSION=0
LABEL org.opencontainers.image.title="gitlab-gcr-mirror" \
      org.opencontainers.image.description="Keeps the images of a GitLab Container Registry pullable from Google" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The folder's content, not the folder: what COPY makes itself has the time of the build.
COPY --from=build /out/ /
ENV PYTHONPATH=/app/lib PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOME=/nonexistent GCR_MIRROR_CONFIG=/etc/gcr-mirror/config.yaml
# By number: Kubernetes' runAsNonRoot cannot look up names.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
# For Docker; Kubernetes has probes of its own. Asks the daemon at its default port.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["python3", "-ISc", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
# -P: what lies in the working directory is never imported.
ENTRYPOINT ["python3", "-P", "-m", "mirror"]
CMD ["run"]
