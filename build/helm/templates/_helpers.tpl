{{- /*
SPDX-FileCopyrightText: The filebeat-websocket authors
SPDX-License-Identifier: Apache-2.0
*/ -}}
{{/* Where hosts and receivers are missing, nothing would be installed. */}}
{{- define "check" -}}
{{- if not (or .Values.hosts .Values.receivers.enabled) -}}
{{- fail "hosts is empty: set it, for example with --set 'hosts={wss://logs.example.com/ingest}'" -}}
{{- end -}}
{{- with .Values.token -}}
{{- if and .value .secret -}}{{- fail "token: value and secret are both set" -}}{{- end -}}
{{- if and $.Values.hosts (not (or .value .secret)) -}}{{- fail "token: neither value nor secret is set" -}}{{- end -}}
{{- end -}}
{{- if and .Values.tls.ca .Values.tls.secret -}}{{- fail "tls: ca and secret are both set; the Secret has a ca.crt" -}}{{- end -}}
{{- if .Values.receivers.enabled -}}
{{- with .Values.receivers.token -}}
{{- if and .value .secret -}}{{- fail "receivers.token: value and secret are both set" -}}{{- end -}}
{{- if not (or .value .secret) -}}{{- fail "receivers.token: neither value nor secret is set" -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "labels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "agent" -}}
app.kubernetes.io/name: filebeat-websocket
app.kubernetes.io/component: agent
{{- end -}}

{{- define "receiver" -}}
app.kubernetes.io/name: wsreceiver
app.kubernetes.io/component: receiver
{{- end -}}

{{/* What is merged over filebeat.yml, in this order: file names and contents. */}}
{{- define "settings" -}}
{{- if .Values.tls.secret }}
tls.yml: |
  {{- .Files.Get "files/tls.yml" | nindent 2 }}
{{- end }}
{{- with .Values.tls.ca }}
ca.crt: |
  {{- . | trim | nindent 2 }}
tls.yml: |
  output.websocket.ssl.certificate_authorities: [/etc/filebeat-websocket/ca.crt]
{{- end }}
{{- if .Values.hints }}
hints.yml: |
  {{- .Files.Get "files/hints.yml" | nindent 2 }}
{{- end }}
{{- if .Values.inputs }}
inputs.yml: |
  {{- toYaml .Values.inputs | nindent 2 }}
more.yml: |
  filebeat.config.inputs:
    enabled: true
    path: /etc/filebeat-websocket/inputs.yml
{{- end }}
{{- with .Values.config }}
values.yml: |
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
