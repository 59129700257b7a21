# Two images. The last stage is production: `docker build .`. The stage `demo` is the service with QQ's stand-in, for
# development only: `docker build --target demo .`
#
# Behind a slow network, name mirrors: --build-arg BASE_IMAGE=… --build-arg NPM_REGISTRY=…
# Pin the base by digest where images are built for production: --build-arg BASE_IMAGE=node:24-bookworm-slim@sha256:…
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS build
ARG NPM_REGISTRY=https://registry.npmjs.org/
ENV npm_config_registry=${NPM_REGISTRY} npm_config_update_notifier=false
WORKDIR /app
# Before the sources, so that a change of the sources does not install anew.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run -s build && sh deploy/image.sh /image

FROM build AS demo
# Listens for the port mapping; docker-compose.yml publishes on 127.0.0.1 only.
ENV HOST=0.0.0.0 SANDBOX_HOST=0.0.0.0
RUN mkdir .data && chown 1000:1000 .data
USER 1000:1000
EXPOSE 3000 3001
CMD ["node", "dist/sandbox/main.js"]

FROM ${BASE_IMAGE}
# Nothing that installs packages: the running service needs Node alone.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
  /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*
ENV NODE_ENV=production
WORKDIR /app
# Owned by root and not writable for the service, which keeps no file of its own: the root file system may be read-only.
COPY --from=build /image ./
# By number, so that Kubernetes can verify runAsNonRoot.
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js"]
