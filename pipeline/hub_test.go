package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// hub is a proxy between the command and the network that answers for the hosts of DINOv3's weights, over TLS with a certificate
// that the command is told to trust. huggingface.co requires the token "sesame" and redirects to another host, which must not get it;
// dinov3.llamameta.net requires a signed address. Requests are logged to a file, one per line:
//
//	hub weights log
func hub(ts *testscript.TestScript, _ bool, args []string) {
	const store = "store.example"
	certificate, trusted, err := certify("huggingface.co", "dinov3.llamameta.net", store)
	ts.Check(err)
	bundle := filepath.Join(ts.MkAbs("."), "hub.pem")
	ts.Check(os.WriteFile(bundle, trusted, 0o600))
	log, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	var mutex sync.Mutex
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		_, _ = log.WriteString(r.Host + r.URL.Path + " " + r.Header.Get("Authorization") + "\n") // a write error shows when the log is read
		mutex.Unlock()
		switch {
		case r.Host == "huggingface.co" && r.Header.Get("Authorization") == "Bearer sesame":
			http.Redirect(w, r, "https://"+store+"/weights?Signature=sesame", http.StatusFound)
		case r.Host == store && r.URL.RawQuery == "Signature=sesame", r.Host == "dinov3.llamameta.net" && r.URL.RawQuery == "Signature=sesame":
			http.ServeFile(w, r, ts.MkAbs(args[0]))
		default:
			http.Error(w, "who are you?", http.StatusForbidden)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	tunnels := make(tunnel)
	secure := &http.Server{Handler: answer, ReadHeaderTimeout: time.Minute}
	proxy := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		connection, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = buffer.WriteString("HTTP/1.1 200 OK\r\n\r\n")
		if buffer.Flush() == nil {
			tunnels <- tls.Server(&buffered{connection, buffer.Reader}, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
		}
	})}
	var wait sync.WaitGroup
	wait.Go(func() { _ = proxy.Serve(listener) }) // both report that they were closed
	wait.Go(func() { _ = secure.Serve(tunnels) })
	ts.Defer(func() {
		_ = errors.Join(proxy.Close(), secure.Close(), log.Close())
		wait.Wait()
	})
	ts.Setenv("HTTPS_PROXY", "http://"+listener.Addr().String())
	ts.Setenv("SSL_CERT_FILE", bundle)
}

// certify makes a certificate for some hosts, and the file that makes a program trust it.
func certify(hosts ...string) (certificate tls.Certificate, trusted []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: hosts, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificate, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// tunnel is a listener whose connections are passed to it.
type tunnel chan net.Conn

func (t tunnel) Accept() (net.Conn, error) {
	c, ok := <-t
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (t tunnel) Close() error   { close(t); return nil }
func (t tunnel) Addr() net.Addr { return &net.TCPAddr{} }

// buffered is a connection of which a part has already been read.
type buffered struct {
	net.Conn
	reader *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }
