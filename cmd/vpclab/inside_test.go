//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// probe is one thing a client tries inside the lab: "tcp ADDR:PORT",
// "tls ADDR:PORT NAME", "udp-dns ADDR NAME", "tcp-dns ADDR NAME", "get URL".
// outcome is what came of it.
type outcome struct {
	Word string        // open, timeout, refused, no-neighbour …, or what was said
	Took time.Duration // of the attempt
}

// inside tries everything of a job, side by side, and prints the outcomes.
func inside(job string) int {
	var probes []string
	if err := json.Unmarshal([]byte(job), &probes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	out := make([]outcome, len(probes))
	var all sync.WaitGroup
	for i, p := range probes {
		all.Go(func() {
			f := strings.Fields(p)
			start := time.Now()
			word, err := try(f[0], f[1:])
			if err != nil {
				word = wordOf(err)
			}
			out[i] = outcome{word, time.Since(start)}
		})
	}
	all.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		return 1
	}
	return 0
}

func try(kind string, args []string) (string, error) {
	d := net.Dialer{Timeout: 3500 * time.Millisecond}
	switch kind {
	case "tcp":
		c, err := d.Dial("tcp", args[0])
		if err != nil {
			return "", err
		}
		return "open", c.Close()
	case "tls":
		c, err := d.Dial("tcp", args[0])
		if err != nil {
			return "", err
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
		defer cancel()
		t := tls.Client(c, &tls.Config{ServerName: args[1], MinVersion: tls.VersionTLS12})
		if err := t.HandshakeContext(ctx); err != nil {
			return "", err
		}
		return t.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
	case "udp-dns", "tcp-dns":
		return ask(strings.TrimSuffix(kind, "-dns"), args[0], args[1])
	case "get":
		r, err := (&http.Client{Timeout: 2 * time.Second}).Get(args[0])
		if err != nil {
			return "", err
		}
		defer r.Body.Close()
		_, err = io.Copy(io.Discard, r.Body)
		return r.Status[:3], err
	}
	return "", fmt.Errorf("unknown probe %q", kind)
}

func ask(network, server, name string) (string, error) {
	c := &dns.Client{Net: network, Timeout: time.Second}
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), dns.TypeA)
	r, _, err := c.Exchange(m, netip.AddrPortFrom(netip.MustParseAddr(server), 53).String())
	if err != nil {
		return "", err
	}
	var addrs []string
	for _, rr := range r.Answer {
		if a, ok := rr.(*dns.A); ok {
			addrs = append(addrs, a.A.String())
		}
	}
	return dns.RcodeToString[r.Rcode] + " " + strings.Join(addrs, " "), nil
}

// wordOf names an error by what the kernel or the peer said.
func wordOf(err error) string {
	var timeout interface{ Timeout() bool }
	for e, word := range map[syscall.Errno]string{
		syscall.ECONNREFUSED: "refused", syscall.ECONNRESET: "reset", syscall.EHOSTUNREACH: "no-neighbour",
		syscall.ENETUNREACH: "no-route", syscall.EINVAL: "blackhole", syscall.EACCES: "prohibited",
	} {
		if errors.Is(err, e) {
			return word
		}
	}
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &cert):
		return "certificate"
	case errors.As(err, &record):
		return "not-tls"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.EOF):
		return "closed"
	}
	return err.Error()
}
