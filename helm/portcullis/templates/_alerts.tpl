{{/* Selects the series of this release: the operator's job is the Service. */}}
{{- define "portcullis.series" -}}
job="{{ include "portcullis.fullname" . }}-admin",namespace="{{ .Release.Namespace }}"
{{- end }}

{{/* Annotations of an alert. root, name, summary, description; the last two may have Prometheus' own templates. */}}
{{- define "portcullis.alertWords" -}}
summary: {{ .summary | quote }}
description: {{ .description | quote }}
{{- with .root.Values.prometheusRule.runbookUrl }}
runbook_url: {{ printf "%s#%s" . (lower $.name) | quote }}
{{- end }}
{{- end }}
