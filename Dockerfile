# The command `psiselect` as an image. Build it, and see that it works:
#
#   docker build --tag psiselect:0.1.0 .
#   docker run --rm --read-only --tmpfs /tmp psiselect:0.1.0 demo
#
# It needs no root, no capability and no writable file but those under /var/lib/psiselect and /tmp. Keys are mounted,
# never built in: see compose.yaml. docs/install.md says how to use it.

ARG PYTHON=3.13

# Everything that pip needs stays in this stage.
FROM python:${PYTHON}-slim AS build
# Of the extras, those for services: databases and metrics.
ARG EXTRAS=db,serve
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY psiselect psiselect
COPY psi psi
COPY dpselect dpselect
COPY mpc mpc
COPY cli cli
RUN python -m venv --without-pip /opt/psiselect \
    && python -m pip --python /opt/psiselect/bin/python install --no-cache-dir ".[${EXTRAS}]"

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="psiselect" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# The user has the number that packaging/kubernetes gives it. Folders that volumes are mounted on belong to it.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
    && groupadd --gid 10001 psiselect \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/psiselect --shell /usr/sbin/nologin psiselect \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/psiselect /etc/psiselect /etc/psiselect/keys /etc/psiselect/peers
COPY --from=build /opt/psiselect /opt/psiselect
# Compiled code is kept beside other working files, since the rest of the file system may be read-only.
ENV PATH=/opt/psiselect/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/tmp
USER 10001:10001
WORKDIR /var/lib/psiselect
EXPOSE 7001
ENTRYPOINT ["psiselect"]
CMD ["--help"]
