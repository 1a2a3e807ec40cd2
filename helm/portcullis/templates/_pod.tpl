{{/* Volumes of the pod. What is secret has mode 288, which is 0440: readers of YAML do not agree about 0440 itself. */}}
{{- define "portcullis.volumes" -}}
- name: config
  configMap: { name: {{ include "portcullis.fullname" . }} }
- name: tls
  secret: { secretName: {{ include "portcullis.tlsSecret" . }}, defaultMode: 288 }
{{- if .Values.tls.clientCa.configMap }}
- name: client-ca
  configMap: { name: {{ .Values.tls.clientCa.configMap }} }
{{- end }}
{{- if ne .Values.callers.source "kubernetes" }}
- name: callers
  secret: { secretName: {{ include "portcullis.callersSecret" . }}, defaultMode: 288 }
{{- end }}
{{- if ne .Values.cluster.credential "none" }}
# What automountServiceAccountToken would bring, but a token as short-lived as is asked for.
- name: account
  projected:
    defaultMode: 288
    sources:
      - serviceAccountToken: { path: token, expirationSeconds: {{ .Values.cluster.tokenSeconds }} }
      - configMap: { name: kube-root-ca.crt, items: [{ key: ca.crt, path: ca.crt }] }
      - downwardAPI: { items: [{ path: namespace, fieldRef: { apiVersion: v1, fieldPath: metadata.namespace } }] }
{{- end }}
{{- range .Values.mounts }}
- name: mount-{{ .name }}
  {{- if .secret }}
  secret: { secretName: {{ .secret }}, defaultMode: 288 }
  {{- else if .configMap }}
  configMap: { name: {{ .configMap }} }
  {{- else }}
  projected:
    defaultMode: 288
    sources:
      - serviceAccountToken: {{ merge (dict "path" "token") .token | toJson }}
  {{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "portcullis.volumeMounts" -}}
{{- $files := include "portcullis.files" . -}}
- { name: config, mountPath: /etc/portcullis, readOnly: true }
- { name: tls, mountPath: {{ $files }}/tls, readOnly: true }
{{- if .Values.tls.clientCa.configMap }}
- { name: client-ca, mountPath: {{ $files }}/client-ca, readOnly: true }
{{- end }}
{{- if ne .Values.callers.source "kubernetes" }}
- { name: callers, mountPath: {{ $files }}/callers, readOnly: true }
{{- end }}
{{- if ne .Values.cluster.credential "none" }}
- { name: account, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
{{- end }}
{{- range .Values.mounts }}
- { name: mount-{{ .name }}, mountPath: {{ $files }}/{{ .name }}, readOnly: true }
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Serves as ever while endpoints and load balancers learn that the pod is going. Without a shell: the kubelet sleeps, before 1.30 Node does. */}}
{{- define "portcullis.preStop" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}
sleep: { seconds: {{ .Values.preStopSeconds }} }
{{- else -}}
exec: { command: [/nodejs/bin/node, -e, "setTimeout(() => {}, {{ .Values.preStopSeconds }} * 1000)"] }
{{- end -}}
{{- end }}

{{- define "portcullis.topologySpread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "portcullis.podLabels" $ | nindent 6 }}
{{- end }}
{{- end }}
