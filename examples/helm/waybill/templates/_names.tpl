{{- define "waybill.name" -}}
{{- if contains "waybill" .Release.Name -}}{{ .Release.Name | trunc 53 | trimSuffix "-" }}{{- else -}}{{ printf "%s-waybill" .Release.Name | trunc 53 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "waybill.labels" -}}
app.kubernetes.io/name: waybill
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "waybill.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{- else -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- /* The contents of waybill.yaml: what the values say, and where this chart has put things. */ -}}
{{- define "waybill.settings" -}}
{{- $serve := dict "data" "/data" "listen" "0.0.0.0:8080" "drainSeconds" 10 -}}
{{- if .Values.database.existingSecret }}{{- $_ := set $serve "databaseFile" "/etc/waybill-database/url" }}{{- end }}
{{- if .Values.publicUrl }}{{- $_ := set $serve "publicUrl" .Values.publicUrl }}{{- end }}
{{- if .Values.objects }}{{- $_ := set $serve "objects" .Values.objects }}{{- end }}
{{- if .Values.jobs }}{{- $_ := set $serve "jobs" "/etc/waybill-jobs" }}{{- end }}
{{- if .Values.adminTokenSecret }}{{- $_ := set $serve "access" (dict "adminTokenFile" "/etc/waybill-admin/token") }}{{- end }}
{{- toYaml (mergeOverwrite (dict "serve" $serve) (deepCopy .Values.settings)) -}}
{{- end -}}

{{- /* One pod; .role says which roles it has, .root is the chart. */ -}}
{{- define "waybill.pod" -}}
{{- $root := .root -}}
{{- with $root -}}
metadata:
  labels:
    {{- include "waybill.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ $.component }}
  annotations:
    checksum/config: {{ printf "%s%s" (include "waybill.settings" .) (toYaml .Values.jobs) | sha256sum }}
spec:
  serviceAccountName: {{ include "waybill.name" . }}
  automountServiceAccountToken: false
  # Whatever Git leaves behind is reaped by the pod's first process.
  shareProcessNamespace: true
  terminationGracePeriodSeconds: {{ add .Values.graceSeconds 30 }}
  securityContext:
    runAsNonRoot: true
    {{- with .Values.runAsUser }}
    runAsUser: {{ int64 . }}
    runAsGroup: {{ int64 . }}
    fsGroup: {{ int64 . }}
    fsGroupChangePolicy: OnRootMismatch
    {{- end }}
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: waybill
      image: {{ include "waybill.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve, --role, {{ $.role | quote }}, --grace, "{{ .Values.graceSeconds }}s"]
      env:
        - { name: WAYBILL_CONFIG, value: /etc/waybill/waybill.yaml }
      {{- with .Values.environmentSecrets }}
      envFrom:
        {{- range . }}
        - secretRef: { name: {{ . | quote }} }
        {{- end }}
      {{- end }}
      ports:
        - { name: http, containerPort: 8080 }
      startupProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 2, failureThreshold: 60 }
      livenessProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 20, timeoutSeconds: 5 }
      readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 5, timeoutSeconds: 3 }
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      resources: {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - { name: data, mountPath: /data }
        - { name: tmp, mountPath: /tmp }
        - { name: settings, mountPath: /etc/waybill, readOnly: true }
        {{- if .Values.jobs }}
        - { name: jobs, mountPath: /etc/waybill-jobs, readOnly: true }
        {{- end }}
        {{- if .Values.database.existingSecret }}
        - { name: database, mountPath: /etc/waybill-database, readOnly: true }
        {{- end }}
        {{- range $index, $name := .Values.fileSecrets }}
        - { name: secret-{{ $index }}, mountPath: {{ printf "/etc/waybill-secrets/%s" $name | quote }}, readOnly: true }
        {{- end }}
        {{- if .Values.adminTokenSecret }}
        - { name: admin, mountPath: /etc/waybill-admin, readOnly: true }
        {{- end }}
  volumes:
    - { name: tmp, emptyDir: {} }
    - { name: settings, secret: { secretName: {{ include "waybill.name" . }}-settings } }
    {{- if .Values.jobs }}
    - { name: jobs, configMap: { name: {{ include "waybill.name" . }}-jobs } }
    {{- end }}
    {{- if .Values.database.existingSecret }}
    - { name: database, secret: { secretName: {{ .Values.database.existingSecret | quote }}, items: [{ key: url, path: url }] } }
    {{- if .Values.objects }}
    - { name: data, emptyDir: {} }
    {{- else }}
    - { name: data, persistentVolumeClaim: { claimName: {{ include "waybill.name" . }}-data } }
    {{- end }}
    {{- end }}
    {{- range $index, $name := .Values.fileSecrets }}
    - { name: secret-{{ $index }}, secret: { secretName: {{ $name | quote }} } }
    {{- end }}
    {{- if .Values.adminTokenSecret }}
    - { name: admin, secret: { secretName: {{ .Values.adminTokenSecret | quote }}, items: [{ key: token, path: token }] } }
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
