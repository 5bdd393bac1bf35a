#!/bin/sh
# SPDX-FileCopyrightText: The filebeat-websocket authors
# SPDX-License-Identifier: Apache-2.0

# Runs filebeat with the paths of the service, in the foreground.
umask 0027
exec /usr/share/filebeat/bin/filebeat \
  --path.home /usr/share/filebeat \
  --path.config /etc/filebeat \
  --path.data /var/lib/filebeat \
  --path.logs /var/log/filebeat \
  "$@"
