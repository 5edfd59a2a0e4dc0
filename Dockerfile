# syntax=docker/dockerfile:1
# The command in a container: docker build -t iconic . && docker run --rm iconic doctor
#
# Stage 1 compiles the command and downloads the ONNX Runtime library; stage 2 contains both, a JPEG decoder and the
# certificates for downloads, and runs as an unprivileged user. Images are mounted at /data; /cache keeps
# encoders and features between calls:
#
#   docker run --rm -v "$PWD/photos:/data:ro" -v iconic-cache:/cache -v "$PWD/runs:/runs" iconic \
#     run /data --model dinov2-small --clusters 20 --out /runs/photos

FROM golang:1.26-bookworm AS build
ARG TARGETARCH=amd64
ARG ONNXRUNTIME_VERSION=1.27.0
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=1 go build -tags clouds -trimpath -ldflags '-s -w' -o /out/pipeline ./pipeline
# The checksums are those in extract/onnxruntime, which the command uses outside a container.
RUN set -eu; \
    case "$TARGETARCH" in \
      amd64) name=linux-x64; sum=547e40a48f1fe73e3f812d7c88a948612c23f896b91e4e2ee1e232d7b468246f ;; \
      arm64) name=linux-aarch64; sum=3e4d83ac06924a32a07b6d7f91ce6f852876153fc0bbdf931bf517a140bfbe48 ;; \
      *) echo "no ONNX Runtime release is known for $TARGETARCH" >&2; exit 1 ;; \
    esac; \
    archive=onnxruntime-$name-$ONNXRUNTIME_VERSION.tgz; \
    curl -fsSLO "https://github.com/microsoft/onnxruntime/releases/download/v$ONNXRUNTIME_VERSION/$archive"; \
    echo "$sum  $archive" | sha256sum -c -; \
    tar -xzf "$archive" --strip-components=1 -C /out --wildcards '*/lib/libonnxruntime.so*'

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libturbojpeg0 \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 65532 -g 65532 /cache /runs /data
COPY --from=build /out/pipeline /usr/local/bin/pipeline
COPY --from=build /out/lib/ /usr/local/lib/
ENV ONNXRUNTIME_LIB=/usr/local/lib/libonnxruntime.so \
    XDG_CACHE_HOME=/cache \
    HOME=/cache
USER 65532:65532
WORKDIR /runs
VOLUME ["/cache"]
ENTRYPOINT ["pipeline"]
CMD ["--help"]
