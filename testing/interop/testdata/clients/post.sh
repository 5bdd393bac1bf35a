#!/bin/sh
# SPDX-FileCopyrightText: The filebeat-websocket authors
# SPDX-License-Identifier: Apache-2.0

# post.sh URL TYPE ENCODING FILE…: posts each file with curl, again and again until it is
# answered with 2xx, with a key of its own.
url=$1 type=$2 encoding=${3:-identity}
shift 3
for file; do
  until curl --silent --show-error --fail --max-time 30 --output /dev/null \
      -H "Content-Type: $type" -H "Content-Encoding: $encoding" -H "Idempotency-Key: $file" \
      --data-binary "@$file" "$url"; do
    sleep 0.1
  done
  sleep 0.05
done
