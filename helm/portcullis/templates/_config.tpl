{{/* What the chart says of portcullis.yaml. */}}
{{- define "portcullis.madeConfig" -}}
{{- $files := include "portcullis.files" . -}}
listen:
  port: 8443
  tls:
    certFile: {{ $files }}/tls/tls.crt
    keyFile: {{ $files }}/tls/tls.key
    {{- if .Values.tls.clientCa.configMap }}
    clientCaFile: {{ $files }}/client-ca/{{ .Values.tls.clientCa.key }}
    {{- end }}
admin:
  host: 0.0.0.0
  port: 9443
callers:
  {{- if eq .Values.callers.source "kubernetes" }}
  kubernetes:
    namespace: {{ .Release.Namespace }}
  {{- else }}
  file: {{ $files }}/callers
  {{- end }}
clusters:
  {{- if eq .Values.cluster.credential "inCluster" }}
  - name: {{ .Values.cluster.name }}
    credential: { inCluster: {} }
  {{- else if eq .Values.cluster.credential "tokenRequest" }}
  - name: {{ .Values.cluster.name }}
    server: https://kubernetes.default.svc
    caFile: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    credential:
      tokenRequest:
        bootstrap: { inCluster: {} }
        serviceAccount: { namespace: {{ .Release.Namespace }}, name: {{ include "portcullis.account" . }} }
        lifetime: {{ .Values.cluster.mintedLifetime }}
  {{- else }} []
  {{- end }}
{{- if ne .Values.cluster.credential "none" }}
self:
  cluster: {{ .Values.cluster.name }}
  namespace: {{ .Release.Namespace }}
{{- end }}
{{- end }}

{{/* portcullis.yaml: what the chart says, and over it what the values say. */}}
{{- define "portcullis.config" -}}
{{- $made := include "portcullis.madeConfig" . | fromYaml -}}
{{- $clusters := concat $made.clusters (default list .Values.config.clusters) -}}
{{- if not $clusters }}{{ fail "there is no cluster: cluster.credential is none, and config.clusters is empty" }}{{ end -}}
{{- if and (eq .Values.callers.source "kubernetes") (eq .Values.cluster.credential "none") -}}
{{- fail "callers.source kubernetes follows objects of the cluster that this is installed in: cluster.credential is none; use callers.source secret" -}}
{{- end -}}
{{- $config := mergeOverwrite $made (deepCopy .Values.config) -}}
{{- set $config "clusters" $clusters | toYaml -}}
{{- end }}

{{/* Of what a reload does not put in force. */}}
{{- define "portcullis.restartChecksum" -}}
{{- $config := include "portcullis.config" . | fromYaml -}}
{{- $audit := default dict $config.audit -}}
{{- list $config.listen $config.admin $config.workers $audit.sinks $audit.mode | toJson | sha256sum -}}
{{- end }}
