// The configs of those who are measured beside us: a key map, an injected header, verified TLS upstream, kept connections, one log line a request.
import { Buffer } from 'node:buffer'
import { join } from 'node:path'
import { URL } from 'node:url'

/** A line for every key; `{key}` and `{name}` stand for its own. */
export function keyMap(keys, line) {
  return keys.map((key, index) => line.replace('{key}', key).replace('{name}', `caller-${index}`)).join('\n')
}

export function nginxConfig({ folder, port, upstream, token, certificate }) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${join(folder, 'temporary', kind)};`).join('\n  ')
  return `daemon off;
worker_processes 1;
pid ${join(folder, 'nginx.pid')};
error_log ${join(folder, 'error.log')};
events { worker_connections 4096; }
http {
  ${temporary}
  access_log ${join(folder, 'access.log')} combined buffer=64k flush=1s;
  map_hash_max_size 65536;
  map_hash_bucket_size 128;
  map $http_authorization $caller { default ""; include ${join(folder, 'keys.map')}; }
  keepalive_requests 1000000000;
  upstream api {
    server ${new URL(upstream.url).host};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port}${certificate === undefined ? '' : ' ssl http2'} backlog=1024;
    http2_max_concurrent_streams 250;
    ${certificate === undefined ? '' : `ssl_certificate ${join(folder, 'tls.crt')};\n    ssl_certificate_key ${join(folder, 'tls.key')};\n    ssl_protocols TLSv1.2 TLSv1.3;`}
    client_max_body_size 3m;
    location / {
      if ($caller = "") { return 401; }
      proxy_pass https://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer ${token}";
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${join(folder, 'ca.pem')};
      proxy_ssl_name localhost;
      proxy_ssl_server_name on;
      proxy_buffering on;
      proxy_max_temp_file_size 0;
    }
  }
}
`
}

export function haproxyConfig({ folder, port, upstream, token, certificate }) {
  return `global
  nbthread 1
  maxconn 4096
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend callers
  bind 127.0.0.1:${port}${certificate === undefined ? '' : ` ssl crt ${join(folder, 'both.pem')} alpn h2,http/1.1`}
  http-request set-var(req.key) req.hdr(authorization),regsub("^Bearer ","")
  http-request deny deny_status 401 unless { var(req.key),map_str(${join(folder, 'keys.map')}) -m found }
  http-request set-header Authorization "Bearer ${token}"
  default_backend api
backend api
  server api ${new URL(upstream.url).host} ssl verify required ca-file ${join(folder, 'ca.pem')} sni str(localhost) verifyhost localhost alpn http/1.1 pool-max-conn 256
`
}

export function kubeconfig({ upstream, ca, token }) {
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server: upstream.url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'bench', user: { token } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  })
}
