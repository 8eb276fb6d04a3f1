//go:build linux

package lab

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"vpcdoctor/cmd/vpclab/world"
	"vpcdoctor/probe/probetest"
)

// The stand-in for the agent's worker holds its channel as far as anyone can
// see from outside: a connection that exists only where the agent itself could
// have one.

// How long the lab waits for the worker's first attempt: until its connect is
// answered, and then until its handshake is. A connect that the network does
// not answer stays SYN-SENT behind it.
const (
	connectTime = 1500 * time.Millisecond
	settleTime  = 3 * time.Second
)

// peerJob tells the worker what to hold.
type peerJob struct {
	Host string         // to resolve and to present
	Addr netip.AddrPort // to dial in its place; zero: by name
}

// startWorker starts the worker and waits for its first attempt, if it is to
// have a connection.
func startWorker(w *world.World, path string) error {
	a := w.Host.Agent
	connects := a.Connected && admitted(w)
	if connects {
		job, err := json.Marshal(peerJob{w.ChannelHost(), a.Peer})
		if err == nil {
			err = os.WriteFile(peerFile, job, 0o644)
		}
		if err != nil {
			return fmt.Errorf("writing the worker's peer: %w", err)
		}
	}
	if _, err := startDaemon(path, a.Env); err != nil || !connects {
		return err
	}
	if appears(peerFile+answered, connectTime) {
		appears(peerFile+tried, settleTime)
	}
	return nil
}

// Marks that the worker leaves beside its job.
const (
	answered = ".answered" // the connect was answered, or is over
	tried    = ".tried"    // the first attempt is over
)

// appears waits for a file.
func appears(path string, limit time.Duration) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// admitted tells whether AWS lets the agent report and open its channel, with
// the keys it has, by the way its calls would take.
func admitted(w *world.World) bool {
	keys := probetest.ProfileKeys
	switch {
	case w.Host.Agent.Hybrid != "":
		keys = probetest.HybridKeys
	case w.Host.Agent.Identity.Source == "SSM":
		keys = probetest.ManagedKeys
	}
	api, err := newAPI(w, nil)
	if err != nil {
		return false
	}
	id := w.Instance.ID
	return allows(w, api, keys, "ssm", "/", "AmazonSSM.UpdateInstanceInformation", `{"InstanceId":"`+id+`","AgentVersion":"3.3.0.0","AgentStatus":"Active"}`) &&
		allows(w, api, keys, "ssmmessages", "/v1/control-channel/"+id, "", `{"MessageSchemaVersion":"1.0","RequestId":"00000000-0000-4000-8000-000000000001"}`)
}

// allows makes one signed call without a network: only the account decides.
func allows(w *world.World, api *probetest.API, keys probetest.APIKeys, service, path, target, body string) bool {
	host := service + "." + w.Region + "." + w.Suffix
	from := probetest.APISource{}
	for _, a := range w.Ask(world.ResolverAddr, host, w.VPC.Subnet(w.Instance.Subnet).IPv6Only).Addrs {
		from = source(w.Serve(netip.AddrPortFrom(a, 443), host))
		break
	}
	r := httptest.NewRequest(http.MethodPost, "https://"+host+path, strings.NewReader(body))
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	sum := sha256.Sum256([]byte(body))
	who := aws.Credentials{AccessKeyID: keys.ID, SecretAccessKey: keys.Secret, SessionToken: keys.Token}
	if err := v4.NewSigner().SignHTTP(context.Background(), who, r, hex.EncodeToString(sum[:]), service, w.Region, time.Now()); err != nil {
		return false
	}
	answer := httptest.NewRecorder()
	api.Via(from).ServeHTTP(answer, r)
	return answer.Code < http.StatusMultipleChoices
}

const (
	handshakeTime = settleTime - time.Second // so that no half-open try looks like a channel
	afterFailure  = time.Minute              // longer than any run of a scenario
)

// holdPeer keeps one connection to the peer, without ever saying anything on
// it, and tries again when it is lost.
func holdPeer() {
	text, err := os.ReadFile(peerFile)
	var job peerJob
	if err != nil || json.Unmarshal(text, &job) != nil {
		return
	}
	for ; ; time.Sleep(afterFailure) {
		c, err := job.open()
		_ = os.WriteFile(peerFile+answered, nil, 0o644) // the lab goes on without them, only later
		_ = os.WriteFile(peerFile+tried, nil, 0o644)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, c)
		c.Close()
	}
}

// open dials, by the agent's proxy where it has one, and does the TLS
// handshake.
func (j peerJob) open() (net.Conn, error) {
	ctx := context.Background()
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: j.Host}})
	if err != nil {
		return nil, fmt.Errorf("reading the proxy: %w", err)
	}
	d := net.Dialer{Timeout: 30 * time.Second, Resolver: &net.Resolver{PreferGo: true}}
	to := j.Host + ".:443"
	switch {
	case proxy != nil:
		to = proxy.Host
	case j.Addr.IsValid():
		to = j.Addr.String()
	}
	c, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		return nil, fmt.Errorf("dialling: %w", err)
	}
	_ = os.WriteFile(peerFile+answered, nil, 0o644)
	err = c.SetDeadline(time.Now().Add(handshakeTime))
	if err == nil && proxy != nil {
		err = tunnel(c, j.Host)
	}
	t := tls.Client(c, &tls.Config{ServerName: j.Host})
	if err == nil {
		err = t.HandshakeContext(ctx)
	}
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("opening: %w", err)
	}
	return t, nil
}

// workerName is what the worker calls itself to a proxy.
const workerName = "amazon-ssm-agent"

// tunnel asks a proxy for the way to a host.
func tunnel(c net.Conn, host string) error {
	if _, err := fmt.Fprintf(c, "CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\nUser-Agent: %s\r\n\r\n", host, host, workerName); err != nil {
		return fmt.Errorf("asking the proxy: %w", err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return fmt.Errorf("asking the proxy: %w", err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the proxy says %s", answer.Status)
	}
	return nil
}
