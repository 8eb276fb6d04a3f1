//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func init() { roles["logs"] = readLogs }

const agentLogs = "/var/log/amazon/ssm/"

// line is one line of the agent's log, some minutes before now.
func line(ago time.Duration, text string) string {
	return time.Now().Add(-ago).Format("2006-01-02 15:04:05.0000") + " " + text + "\n"
}

// logKinds make logs that nobody would like to read.
var logKinds = map[string]func() string{
	"binary": func() string {
		r, b := rand.New(rand.NewPCG(1, 2)), make([]byte, 5<<20)
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
		return string(b)
	},
	"one line": func() string { return line(time.Hour, "ERROR Failed to dial websocket, "+strings.Repeat("x", 5<<20)) },
	"errors": func() string {
		l := line(time.Hour, "ERROR [ssm-agent-worker] [MessageService] [MGSInteractor] Failed to get controlchannel token, error: CreateControlChannel failed with error: dial tcp 10.1.2.3:443: i/o timeout")
		return strings.Repeat(l, 5<<20/len(l))
	},
	"starts": func() string {
		l := line(time.Hour, "INFO Proxy environment variables:") + line(time.Hour, "INFO [amazon-ssm-agent] amazon-ssm-agent - v3.3.987.0")
		return strings.Repeat(l, 5<<20/len(l))
	},
	"continuations": func() string {
		return line(time.Hour, "ERROR Health ping failed with error - ") + strings.Repeat("\tcaused by: \n", 400_000)
	},
	"escape codes": func() string {
		const evil = "\x1b[2J\x1b]0;owned\x07\x1b[31m\u202e%s%n\r\x9b31m"
		return line(time.Hour, "ERROR Failed to dial websocket, status: 403 "+evil+", err: dial tcp 10.1.2.3:443"+evil) +
			line(time.Hour, "ERROR x lookup "+evil+"ssm.example"+evil+" on 10.0.0.2:53: no such host CreateControlChannel failed with error") +
			line(time.Hour, "ERROR AccessDeniedException: User: "+evil+" is not authorized to perform: ssm:"+evil+" Retrieve credentials produced error") +
			line(time.Hour, "INFO [amazon-ssm-agent] amazon-ssm-agent - v3"+evil) +
			line(time.Hour, "INFO Successfully opened websocket connection to: "+evil) +
			line(time.Hour, "INFO Sleeping for "+evil+" before retrying retrieve credentials")
	},
	"times": func() string {
		var b strings.Builder
		for _, year := range []string{"0000", "0001", "1969", "2038", "9999"} {
			fmt.Fprintf(&b, "%s-01-01 00:00:00.0000 INFO [CredentialRefresher] Sleeping for 999999h before retrying retrieve credentials\n", year)
			fmt.Fprintf(&b, "%s-02-31 25:61:61.9999 ERROR Failed to dial websocket, status: 99999999999999999999\n", year)
		}
		return b.String() + line(-100*time.Hour, "INFO [CredentialRefresher] Sleeping for -5m before retrying retrieve credentials")
	},
}

// logTimes are the quickest runs with the log and without.
type logTimes struct{ With, Without time.Duration }

const logRuns = 4

// readLogs writes a log on the instance, runs vpcdoctor, and compares with
// runs without a log.
func readLogs(args []string) (any, error) {
	if err := os.MkdirAll(agentLogs, 0o755); err != nil {
		return nil, err
	}
	text := logKinds[os.Getenv(kindEnv)]()
	quickest := func() (time.Duration, error) {
		var took []time.Duration
		for range logRuns {
			start := time.Now()
			if _, err := runDoctor(args); err != nil {
				return 0, err
			}
			took = append(took, time.Since(start))
		}
		return slices.Min(took), nil
	}
	if err := os.RemoveAll(agentLogs); err != nil {
		return nil, err
	}
	without, err := quickest()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"amazon-ssm-agent.log", "amazon-ssm-agent.log.3", "errors.log", "hibernate.log"} {
		if err := os.MkdirAll(agentLogs, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(agentLogs, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	with, err := quickest()
	return logTimes{with, without}, err
}

// withinLogs is what the whole look at the agent may cost (issue 4).
const withinLogs = 150 * time.Millisecond

// TestHostileLogs: whatever lies where the agent's logs are, the report is
// clean, and it comes in time.
func TestHostileLogs(t *testing.T) {
	needLab(t)
	for kind := range logKinds {
		t.Run(kind, func(t *testing.T) {
			w := worldOf(t, "healthy")
			w.Host.Env = map[string]string{kindEnv: kind}
			w.Host.Agent.Log = map[string]string{}
			c := captureAs(t, "logs", w, "--facts", factsFile)
			ended(t, c)
			var got logTimes
			c.noted(t, &got)
			t.Logf("%v with, %v without", got.With.Round(time.Millisecond), got.Without.Round(time.Millisecond))
			if got.With-got.Without > withinLogs {
				t.Errorf("%v with the log, %v without", got.With, got.Without)
			}
			log := c.facts(t).Agent.Log
			for _, f := range log.Files {
				if f.Read > 4<<20 {
					t.Errorf("%s: %d bytes read", f.Path, f.Read)
				}
			}
			if len(log.Files) == 0 || len(log.Events) > 64 {
				t.Errorf("%d files, %d events", len(log.Files), len(log.Events))
			}
			for _, e := range log.Events {
				if !plain(e.Host + e.Code + e.Operation + e.Node + e.Channel) {
					t.Errorf("event %+v", e)
				}
			}
		})
	}
}
