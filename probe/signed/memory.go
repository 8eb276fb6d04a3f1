package signed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"vpcdoctor/probe/classify"
	"vpcdoctor/probe/denial"
	"vpcdoctor/probe/fact"
)

// A denied call raises an alarm where denials are watched, so it is not
// repeated for a day (decisions.md, "Do no harm").
const (
	remember    = 24 * time.Hour
	memoryFile  = "denied.json"
	maxMemory   = 64 << 10
	maxRemember = 64 // calls; a run makes at most some ten
	maxARN      = 512
	clockSlack  = 5 * time.Minute
)

// Memory is the denied calls of the last day, in a file of the state directory.
// It is safe for use by several goroutines; a nil one remembers nothing.
type Memory struct {
	dir   string
	mu    sync.Mutex
	list  []denied
	dirty bool
	err   error
}

// denied is one remembered denial. The key is a hash: the file names neither
// role nor account but through the ARNs of AWS's own words.
type denied struct {
	Key    string       `json:"key"`
	At     time.Time    `json:"at"`
	Code   string       `json:"code,omitempty"`
	Denial *fact.Denial `json:"denial,omitempty"`
}

// NewMemory reads the memory of a state directory. An empty dir gives nil, which
// remembers nothing. A file that is absent or not understood is an empty memory;
// one that cannot be read or written shows in Err.
func NewMemory(dir string) *Memory {
	if dir == "" {
		return nil
	}
	m := &Memory{dir: dir}
	b, err := readRegular(filepath.Join(dir, memoryFile))
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			m.err = fmt.Errorf("reading the memory of denied calls: %w", err)
		}
		return m
	}
	m.list = parseMemory(b)
	return m
}

// parseMemory reads the file, of which anything may have become in a day.
func parseMemory(b []byte) []denied {
	var f struct{ Denied []denied }
	if json.Unmarshal(b, &f) != nil {
		return nil
	}
	list := f.Denied[:min(len(f.Denied), maxRemember)]
	for i := range list {
		d := &list[i]
		d.At, d.Code = sane(d.At), denial.Code(d.Code)
		if d.Denial != nil {
			d.Denial.Layer = fact.PolicyLayer(classify.Clean(string(d.Denial.Layer), maxValue))
			for _, s := range []*string{&d.Denial.Action, &d.Denial.Resource, &d.Denial.Principal} {
				*s = classify.Clean(*s, maxARN)
			}
		}
	}
	return list
}

// Err tells whether the memory could not be read or written, so that a denied
// call may be repeated.
func (m *Memory) Err() error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// readRegular reads a file of the state directory, which must be a plain file
// and no link: somebody else may have put it there.
func readRegular(path string) ([]byte, error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) {
		return nil, fmt.Errorf("%s was replaced while it was opened", path)
	}
	return io.ReadAll(io.LimitReader(f, maxMemory))
}

// memoryKey names a call and who makes it.
func memoryKey(c fact.Credential, account string, f *fact.Call) string {
	who := c.Role
	if who == "" {
		who = string(c.Source) + " " + c.Path + " " + c.Profile
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{who, account, f.Region, f.Service, f.Operation, f.Resource}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// denied tells whether a call was denied within the last day. An entry of the
// future was written by a wrong clock and does not count.
func (m *Memory) denied(key string, now time.Time) (denied, bool) {
	if m == nil {
		return denied{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.list {
		if d.Key == key && d.fresh(now) {
			return d, true
		}
	}
	return denied{}, false
}

func (d denied) fresh(now time.Time) bool {
	return now.Sub(d.At) < remember && d.At.Sub(now) <= clockSlack
}

// note remembers a denial.
func (m *Memory) note(key string, f fact.Call, now time.Time) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dirty = true
	m.list = slices.DeleteFunc(m.list, func(d denied) bool { return d.Key == key || !d.fresh(now) })
	m.list = append(m.list, denied{Key: key, At: now.UTC(), Code: f.Code, Denial: f.Denial})
	m.list = m.list[max(0, len(m.list)-maxRemember):]
}

// forget drops a denial after the call went well.
func (m *Memory) forget(key string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	had := len(m.list)
	m.list = slices.DeleteFunc(m.list, func(d denied) bool { return d.Key == key })
	m.dirty = m.dirty || len(m.list) != had
}

// save writes what changed: a new file beside the old one, then a rename, which
// replaces a link instead of following it.
func (m *Memory) save() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dirty {
		return
	}
	m.dirty = false
	if err := m.write(); err != nil {
		m.err = fmt.Errorf("writing the memory of denied calls: %w", err)
	}
}

func (m *Memory) write() error {
	b, err := json.Marshal(map[string]any{"denied": m.list})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(m.dir, memoryFile+".*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(m.dir, memoryFile))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
