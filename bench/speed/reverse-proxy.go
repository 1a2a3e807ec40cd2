// What a team writes in an afternoon: httputil.ReverseProxy, a key check by SHA-256, one log line a request.
package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	port := flag.Int("port", 0, "")
	upstream := flag.String("upstream", "", "")
	token := flag.String("token", "", "")
	secure := flag.Bool("tls", false, "")
	flag.Parse()

	target, err := url.Parse(*upstream)
	must(err)
	pem, err := os.ReadFile("ca.pem")
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	file, err := os.OpenFile("requests.log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	lines := log.New(bufio.NewWriterSize(file, 64*1024), "", log.LstdFlags|log.Lmicroseconds)

	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, ServerName: "localhost"},
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     time.Minute,
		ForceAttemptHTTP2:   true,
	}
	callers := readKeys()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		caller, known := callers[sha256.Sum256([]byte(key))]
		if !known {
			http.Error(w, "unauthorized", http.StatusUnauthorized)
			return
		}
		begun := time.Now()
		r.Header.Set("Authorization", "Bearer "+*token)
		proxy.ServeHTTP(w, r)
		lines.Printf("%s %s %s %s", caller, r.Method, r.URL.RequestURI(), time.Since(begun))
	})
	server := &http.Server{Addr: "127.0.0.1:" + strconv.Itoa(*port), Handler: handler}
	if *secure {
		must(server.ListenAndServeTLS("tls.crt", "tls.key"))
	}
	must(server.ListenAndServe())
}

func readKeys() map[[32]byte]string {
	text, err := os.ReadFile("keys")
	must(err)
	callers := map[[32]byte]string{}
	for index, key := range strings.Split(string(text), "\n") {
		callers[sha256.Sum256([]byte(key))] = "caller-" + strconv.Itoa(index)
	}
	return callers
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
