#!/bin/sh
# SPDX-FileCopyrightText: The filebeat-websocket authors
# SPDX-License-Identifier: Apache-2.0

# Called with "remove" or "purge" (deb) or 0 (rpm) unless it is for an upgrade.
case "$1" in
remove | purge | 0) [ ! -d /run/systemd/system ] || systemctl daemon-reload || true ;;
esac
if [ "$1" = purge ] && [ -e /var/lib/wsreceiver ]; then
  echo "wsreceiver: the records stay in /var/lib/wsreceiver."
fi
