# Flagstone in a small image that does not run as root.
FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci
COPY web .
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
COPY --from=web /src/web/dist web/dist
RUN cargo build --release --locked -p flagstone-server && mkdir -m 0700 /data

FROM debian:bookworm-slim
COPY --from=build /src/target/release/flagstone /usr/local/bin/flagstone
COPY --from=build --chown=10001:10001 /data /data
USER 10001:10001
ENV DATABASE_URL=sqlite:///data/flagstone.db HTTP_PORT=4242 LOG_FORMAT=json
VOLUME /data
EXPOSE 4242
ENTRYPOINT ["/usr/local/bin/flagstone"]
CMD ["serve"]
HEALTHCHECK --interval=10s --timeout=3s CMD ["/usr/local/bin/flagstone", "healthcheck"]
