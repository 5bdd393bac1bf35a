#!/bin/sh
# SPDX-FileCopyrightText: The filebeat-websocket authors
# SPDX-License-Identifier: Apache-2.0

# Called with "remove" (deb) or 0 (rpm) unless it is for an upgrade.
set -e
[ "$1" = remove ] || [ "$1" = 0 ] || exit 0
[ -d /run/systemd/system ] || exit 0
systemctl disable --now filebeat.service || true
