#!/bin/sh
# SPDX-FileCopyrightText: The filebeat-websocket authors
# SPDX-License-Identifier: Apache-2.0

# Called with "configure" and the old version (deb), or with the number of
# versions there are (rpm). Starts nothing; an upgrade restarts what runs.
set -e

# The deb has no conffiles: over Elastic's package, dpkg would ask about each one that was
# changed, and without a terminal leave the package half-configured. What is there stays.
if [ "$1" = configure ]; then
  umask 0022
  mkdir -p /etc/filebeat/modules.d
  if [ ! -e /etc/filebeat/filebeat.yml ]; then
    # Readable by root only: it can hold credentials.
    install -m 0600 /usr/share/filebeat/defaults/filebeat.yml /etc/filebeat/filebeat.yml
  fi
  for module in /usr/share/filebeat/defaults/modules.d/*.yml.disabled; do
    name=/etc/filebeat/modules.d/$(basename "$module")
    # Enabled, it has no .disabled at the end.
    if [ ! -e "$name" ] && [ ! -e "${name%.disabled}" ]; then
      install -m 0644 "$module" "$name"
    fi
  done
fi

[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
if [ "$1" = configure ] && [ -n "$2" ] || [ "$1" -ge 2 ] 2>/dev/null; then
  systemctl try-restart filebeat.service
fi
