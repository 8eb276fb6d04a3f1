package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Limits of what is kept.
type Limits struct {
	Runs        int   // whole reports
	RunBytes    int64 // of them, compressed
	Parcels     int   // waiting for one sink
	ParcelBytes int64
	History     int64 // bytes of history.jsonl before it becomes history.1.jsonl
}

// Kept is what is kept when nothing else is said: a run an hour fills the
// parcels in 16 days (CloudWatch Logs takes nothing older than 14), and the
// history in about two months.
var Kept = Limits{Runs: 20, RunBytes: 20 << 20, Parcels: 400, ParcelBytes: 20 << 20, History: 1 << 20}

// Options of Open. The zero value is what a run needs.
type Options struct {
	Limits Limits        // zero: Kept
	Wait   time.Duration // for another run to leave the directory alone; zero: 2 s
}

const (
	defaultWait = 2 * time.Second
	lockStep    = 5 * time.Millisecond

	lockName  = "lock"
	runsName  = "runs"
	spoolName = "spool"
	tmpName   = "tmp"
	badName   = "bad"
)

// ErrBusy says that another run was at work in the directory for longer than we
// wait.
var ErrBusy = errors.New("another run is at work in it")

// Dir is an open state directory. It is safe for use by several goroutines.
type Dir struct {
	path     string
	root     *os.Root
	owner    int // of the directory
	readOnly bool
	limits   Limits
	wait     time.Duration

	mu      sync.Mutex
	notes   []string
	told    map[string]bool
	claim   []*os.File                   // locks on the reports of the run at hand
	sinks   map[string]*os.File          // locks of the sinks we work on
	parcels map[string]map[string]string // file names by sink and run id
	dirty   map[string]bool              // sinks whose folders wait for a sync
}

// Open opens a state directory for a run, and makes it, mode 0700, when it is
// not there. What a run that died has left is put in order.
func Open(path string, o Options) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("state directory %s: %w", path, bare(err))
	}
	d, err := open(path, true)
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	d.limits, d.wait = o.Limits, o.Wait
	if d.limits == (Limits{}) {
		d.limits = Kept
	}
	if d.wait == 0 {
		d.wait = defaultWait
	}
	if err := d.mend(); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	return d, nil
}

// Look opens a state directory to read it. Nothing in it changes.
func Look(path string) (*Dir, error) {
	d, err := open(path, false)
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	d.readOnly = true
	return d, nil
}

// open opens a directory that is there. One to write to must not be a trap.
func open(path string, write bool) (*Dir, error) {
	fi, err := os.Lstat(path)
	if write && err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		// systemd links a DynamicUser's directory; a link that another user
		// planted leads anywhere.
		if uid, _ := owner(fi); uid != 0 && uid != os.Geteuid() {
			return nil, fmt.Errorf("a symbolic link of user %d: give the directory itself", uid)
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, bare(err)
	}
	fi, err = root.Stat(".")
	switch {
	case err != nil:
	case write && openToAll(fi):
		err = errors.New("anybody may replace files in it: chmod o-w, or take another directory")
	default:
		uid, _ := owner(fi)
		return &Dir{path: path, root: root, owner: uid, sinks: map[string]*os.File{},
			told: map[string]bool{}, parcels: map[string]map[string]string{}, dirty: map[string]bool{}}, nil
	}
	root.Close()
	return nil, bare(err)
}

// Release gives up what the run at hand held for its deliveries: from here on
// another run may carry on with what waits.
func (d *Dir) Release() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for sink := range d.dirty {
		if f, err := d.folder(filepath.Join(spoolName, sink), false); err == nil {
			errs = append(errs, f.sync(), f.Close())
		}
	}
	for _, f := range d.claim {
		f.Close()
	}
	for _, f := range d.sinks {
		f.Close()
	}
	d.claim = nil
	clear(d.sinks)
	clear(d.dirty)
	return together(errs...)
}

// Close releases what is held and closes the directory.
func (d *Dir) Close() error { return together(d.Release(), d.root.Close()) }

// Notes are things to tell that stopped nothing: what was set aside, dropped
// for want of room, or left to another run. Each is told once.
func (d *Dir) Notes() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.notes
	d.notes = nil
	return out
}

// maxNotes bounds what one run tells about its state directory.
const maxNotes = 20

// note is called with mu held.
func (d *Dir) note(format string, a ...any) {
	text := "state directory " + d.path + ": " + fmt.Sprintf(format, a...)
	if len(d.told) < maxNotes && !d.told[text] {
		d.told[text] = true
		d.notes = append(d.notes, text)
	}
}

// lock waits for the lock of writers. Whoever holds it works on a disk and not
// on a network, so that the wait is short or the disk is ill.
func (d *Dir) lock(wait time.Duration) (unlock func(), err error) {
	f, err := d.lockFile(lockName)
	if err != nil {
		return nil, err
	}
	for left := wait; ; left -= lockStep {
		ok, err := tryLock(f, false)
		switch {
		case err != nil:
			f.Close()
			return nil, err
		case ok:
			return func() { f.Close() }, nil
		case left <= 0:
			f.Close()
			return nil, ErrBusy
		}
		time.Sleep(lockStep)
	}
}

// lockFile opens a file that carries a lock and nothing else.
func (d *Dir) lockFile(name string) (*os.File, error) {
	fi, err := d.root.Lstat(name)
	if err == nil && !fi.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: remove it", name)
	}
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|nonblock, 0o600)
	if err != nil {
		return nil, err
	}
	if now, err := f.Stat(); err != nil || !now.Mode().IsRegular() || fi != nil && !os.SameFile(fi, now) {
		f.Close()
		return nil, fmt.Errorf("%s was replaced while it was opened", name)
	}
	return f, nil
}

// ours tells whether a file may be taken for one that a run of ours wrote.
func (d *Dir) ours(fi fs.FileInfo) bool {
	if d.readOnly {
		return true // a copy on somebody's machine
	}
	uid, _ := owner(fi)
	return uid == os.Geteuid() || uid == 0 || uid == d.owner
}
