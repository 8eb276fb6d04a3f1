package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"vpcdoctor/probe/host/sysfile"
)

// Windows of --jitter.
const (
	// autoJitter is that of auto. With log streams that exist before, a fleet of
	// 100,000 that starts in the same second stays within the quota of
	// PutLogEvents (5,000 a second a Region; CloudWatch Logs quotas, read
	// 2026-11) from 60 s on.
	autoJitter = time.Minute
	maxJitter  = time.Hour
)

// spread waits for this instance's place in the window of --jitter. It tells
// whether the wait was not ended by a signal.
func (c *checker) spread(ctx context.Context) bool {
	window := c.app.jitterWindow(c.s.jitter)
	if window == 0 {
		return true
	}
	id, source := ownID(sysfile.Root(c.env.Root))
	d := placeIn(window, id)
	c.log.Info("waiting", zap.Duration("jitter", d), zap.Duration("window", window), zap.String("by", source))
	if c.app.stderrTTY {
		fmt.Fprintf(c.app.stderr, "vpcdoctor: starting in %.0f s (--jitter)\n", d.Seconds())
	}
	return sleep(ctx, d)
}

// jitterWindow is the window that a value of --jitter stands for. auto is for
// runs that nobody waits for: those of a systemd unit. On a terminal somebody
// does, and so does who sent a Run Command; the agent there is a unit itself,
// and its variables are inherited.
func (a *app) jitterWindow(value string) time.Duration {
	switch value {
	case "off":
		return 0
	case "auto":
		if a.getenv("INVOCATION_ID") == "" || a.stdoutTTY || a.stderrTTY || a.getenv("AWS_SSM_INSTANCE_ID") != "" {
			return 0
		}
		return autoJitter
	}
	d, _ := time.ParseDuration(value) // checked with the settings
	return d
}

// checkJitter tells whether a value of --jitter means something.
func checkJitter(value string) bool {
	if value == "off" || value == "auto" {
		return true
	}
	d, err := time.ParseDuration(value)
	return err == nil && d >= 0 && d <= maxJitter
}

// placeIn is the same for an instance in every run, and spreads instances
// evenly over a window.
func placeIn(window time.Duration, id string) time.Duration {
	sum := sha256.Sum256([]byte(id))
	return time.Duration(binary.BigEndian.Uint64(sum[:]) % uint64(window))
}

// idFiles tell which instance this is, without a question to the network, which
// may be what is broken. The firmware of Nitro instances comes first: it is the
// only one that an image cannot bring along from the machine on which it was
// made. All are readable by everybody. Sources: EC2 User Guide, "Detect whether
// your host is an EC2 instance"; cloud-init, "Instance metadata"; machine-id(5)
// (read 2026-11).
var idFiles = []string{
	"/sys/class/dmi/id/board_asset_tag",
	"/var/lib/cloud/data/instance-id",
	"/etc/machine-id",
}

const maxID = 256

// ownID is what tells this instance from others, and where that was found. The
// host name is the last resort.
func ownID(root sysfile.Root) (id, source string) {
	for _, f := range idFiles {
		b, _ := root.Read(f, maxID) // without it the next one serves
		id := strings.TrimSpace(string(b))
		if id == "" || f == idFiles[0] && !strings.HasPrefix(id, "i-") {
			continue // other makers write other things there
		}
		return id, f
	}
	name, _ := os.Hostname()
	return name, "host name"
}
