# What runs in production, and nothing else: no compiler, no sandbox, no development packages, not as root.
FROM node:20.20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Nothing that is built here runs native code, so no package has to compile any.
RUN npm ci --ignore-scripts
COPY . .
RUN npx nest build

FROM node:20.20-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# bcrypt and resvg bring their binaries in the package.
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force \
  # A peer of TypeORM's, which production neither loads nor has built.
  && rm -rf node_modules/better-sqlite3

FROM node:20.20-slim
ENV NODE_ENV=production
WORKDIR /app
# Only a service that is not in production keeps anything here: the secret it made for itself.
RUN mkdir .data && chown node:node .data
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist/ormconfig.js dist/ormconfig.js
COPY --from=build /app/dist/src dist/src
COPY package.json ./
COPY public public
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js"]
