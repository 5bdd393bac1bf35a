#!/bin/sh
# SPDX-FileCopyrightText: The filebeat-websocket authors
# SPDX-License-Identifier: Apache-2.0

# Called with "configure" and the old version (deb), or with the number of
# versions there are (rpm). Starts nothing; an upgrade restarts what runs.
set -e
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
if [ "$1" = configure ] && [ -n "$2" ] || [ "$1" -ge 2 ] 2>/dev/null; then
  systemctl try-restart filebeat.service
fi
