#!/bin/sh
# SPDX-FileCopyrightText: The filebeat-websocket authors
# SPDX-License-Identifier: Apache-2.0

# Called with "remove" or "purge" (deb) or 0 (rpm) unless it is for an upgrade.
case "$1" in
remove | purge | 0) [ ! -d /run/systemd/system ] || systemctl daemon-reload || true ;;
esac

[ "$1" = purge ] || exit 0
# Elastic's package may be back, and the configuration its own.
if [ "$(dpkg-query --show --showformat='${db:Status-Status}' filebeat 2>/dev/null)" != installed ]; then
  rm -f /etc/filebeat/filebeat.yml /etc/filebeat/modules.d/*.yml /etc/filebeat/modules.d/*.yml.disabled
  rmdir /etc/filebeat/modules.d /etc/filebeat 2>/dev/null || true
fi
if [ -d /var/lib/filebeat ]; then
  echo "filebeat-websocket: the registry and the keystore stay in /var/lib/filebeat. Without them, all logs are sent again."
fi
