{{- define "portcullis.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Names of objects; short enough for what is put behind it. */}}
{{- define "portcullis.fullname" -}}
{{- $name := include "portcullis.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* Of objects that no namespace holds. */}}
{{- define "portcullis.clusterName" -}}
{{ printf "%s:%s" .Release.Namespace (include "portcullis.fullname" .) }}
{{- end }}

{{- define "portcullis.selectorLabels" -}}
app.kubernetes.io/name: {{ include "portcullis.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Selects the pods that serve, and not that of helm test. */}}
{{- define "portcullis.podLabels" -}}
{{ include "portcullis.selectorLabels" . }}
app.kubernetes.io/component: proxy
{{- end }}

{{- define "portcullis.labels" -}}
{{ include "portcullis.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "portcullis.image" -}}
{{- $image := .Values.image -}}
{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{/* The account that the API server sees. */}}
{{- define "portcullis.account" -}}
{{ default (include "portcullis.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{/* The account that the pod runs as. */}}
{{- define "portcullis.podAccount" -}}
{{ include "portcullis.account" . }}{{ if eq .Values.cluster.credential "tokenRequest" }}-bootstrap{{ end }}
{{- end }}

{{- define "portcullis.tlsSecret" -}}
{{ default (printf "%s-tls" (include "portcullis.fullname" .)) .Values.tls.secretName }}
{{- end }}

{{- define "portcullis.callersSecret" -}}
{{- if eq .Values.callers.source "secret" -}}
{{ required "callers.existingSecret is needed where callers.source is secret" .Values.callers.existingSecret }}
{{- else -}}
{{ include "portcullis.fullname" . }}-callers
{{- end -}}
{{- end }}

{{/* Where the files of volumes are. */}}
{{- define "portcullis.files" -}}/var/run/secrets/portcullis{{- end }}
