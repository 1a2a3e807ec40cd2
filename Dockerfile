# The image: Node's newest LTS without a shell, the built command, production dependencies, and nothing else.
#
# Both bases are pinned by digest, and there is no build without: a digest that stood here would be that of the day on
# which it was written down, so whoever builds says which ones were looked at and are meant.
#
#   digest() { docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$1"; }
#   docker build \
#     --build-arg NODE_DIGEST="$(digest docker.io/library/node:26-trixie-slim)" \
#     --build-arg RUNTIME_DIGEST="$(digest gcr.io/distroless/nodejs26-debian13)" \
#     --build-arg VERSION="$(npm pkg get version | tr -d '"')" --build-arg REVISION="$(git rev-parse HEAD)" \
#     --tag portcullis .
#
# A mirror: --build-arg NODE_IMAGE=… and RUNTIME_IMAGE=…, any image with the Node of the same major at the same path.
ARG NODE_IMAGE=docker.io/library/node:26-trixie-slim
ARG NODE_DIGEST
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs26-debian13
ARG RUNTIME_DIGEST

FROM ${NODE_IMAGE}@${NODE_DIGEST} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No script of any package runs, ours neither: the sources are not there yet, so that this layer outlives their changes.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
COPY scripts/bundle.mjs ./scripts/bundle.mjs
RUN npm run build && rm dist/.tsbuildinfo
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# Any user may read it, as OpenShift gives one of its own; none may write it.
RUN chmod -R a+rX,a-w package.json dist node_modules

FROM ${RUNTIME_IMAGE}@${RUNTIME_DIGEST}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="portcullis" \
      org.opencontainers.image.description="Authenticating proxy for Kubernetes and OpenShift APIs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
COPY --from=build /build/package.json /opt/portcullis/package.json
COPY --from=build /build/node_modules /opt/portcullis/node_modules
COPY --from=build /build/dist /opt/portcullis/dist
# portcullis.yaml is looked for here. Nothing is ever written below /, so a read-only root will do.
WORKDIR /etc/portcullis
# Group 0, as an arbitrary user of OpenShift has it: files that a volume gives to the group are readable either way.
USER 1001:0
EXPOSE 8443 9443
# serve drains on it: /readyz fails at once, what is under way has 26 s.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 \
  CMD ["/nodejs/bin/node", "/opt/portcullis/dist/main.js", "healthcheck"]
ENTRYPOINT ["/nodejs/bin/node", "/opt/portcullis/dist/main.js"]
CMD ["serve"]
