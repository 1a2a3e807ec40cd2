{{/* A Role and its binding, or without a namespace those of a ClusterRole. root, name, namespace, account, rules. */}}
{{- define "portcullis.role" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ if .namespace }}Role{{ else }}ClusterRole{{ end }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- include "portcullis.labels" .root | nindent 4 }}
rules: {{- toYaml .rules | nindent 2 }}
{{- include "portcullis.binding" (merge (dict "role" .name "roleKind" (empty .namespace | ternary "ClusterRole" "Role")) .) }}
{{- end }}

{{- define "portcullis.binding" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ if .namespace }}RoleBinding{{ else }}ClusterRoleBinding{{ end }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- include "portcullis.labels" .root | nindent 4 }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: {{ .roleKind }}, name: {{ .role | quote }} }
subjects:
  - { kind: ServiceAccount, name: {{ .account }}, namespace: {{ .root.Release.Namespace }} }
{{- end }}
