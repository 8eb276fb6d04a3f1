//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is the part of an xterm that vpcdoctor uses, behind a pseudo-terminal.
type terminal struct {
	master *os.File
	slave  *os.File

	mu         sync.Mutex
	cols, rows int
	cells      [][]byte // of the alternate screen
	x, y       int
	alternate  bool
	hidden     bool   // the cursor
	text       string // what was written to the normal screen
	rest       []byte // of a sequence that has not come to its end
	colored    bool   // a colour was selected, ever
	strange    string // the first sequence that is not known here
}

func openTerminal(cols, rows int) (*terminal, error) {
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.IoctlSetPointerInt(int(m.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, fmt.Errorf("unlocking the terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(int(m.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, fmt.Errorf("naming the terminal: %w", err)
	}
	s, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	t := &terminal{master: m, slave: s}
	if err := t.resize(cols, rows); err != nil {
		return nil, err
	}
	go t.read()
	return t, nil
}

// start gives the terminal to a program as its controlling one.
func (t *terminal) start(cmd *exec.Cmd) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.slave, t.slave, t.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return cmd.Start()
}

// resize is what a window manager does. The old cells stay where they are.
func (t *terminal) resize(cols, rows int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cols, t.rows = cols, rows
	cells := make([][]byte, rows)
	for i := range cells {
		cells[i] = []byte(strings.Repeat(" ", cols))
		if i < len(t.cells) {
			copy(cells[i], t.cells[i])
		}
	}
	t.cells = cells
	return unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(cols), Row: uint16(rows)})
}

func (t *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := t.master.Read(buf)
		t.mu.Lock()
		t.rest = append(t.rest, buf[:n]...)
		for t.step() {
		}
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// step takes one character or sequence.
func (t *terminal) step() bool {
	if len(t.rest) == 0 {
		return false
	}
	c := t.rest[0]
	if c != '\x1b' {
		t.rest = t.rest[1:]
		t.put(c)
		return true
	}
	end := 2
	for end < len(t.rest) && (t.rest[end] < '@' || t.rest[end] > '~') {
		end++
	}
	if end >= len(t.rest) {
		return false
	}
	seq := string(t.rest[1 : end+1])
	t.rest = t.rest[end+1:]
	t.control(seq)
	return true
}

func (t *terminal) put(c byte) {
	if !t.alternate {
		t.text += string(c)
		return
	}
	switch {
	case c == '\r':
		t.x = 0
	case c == '\n':
		if t.y++; t.y == t.rows { // the screen scrolls, which a frame must never do
			t.y--
			t.cells = append(t.cells[1:], []byte(strings.Repeat(" ", t.cols)))
		}
	case t.x < t.cols && t.y < t.rows:
		t.cells[t.y][t.x] = c
		t.x++
	}
}

func (t *terminal) control(seq string) {
	switch {
	case seq == "[?1049h", seq == "[?1049l":
		t.alternate = seq == "[?1049h"
	case seq == "[?25l", seq == "[?25h":
		t.hidden = seq == "[?25l"
	case strings.HasSuffix(seq, "m"):
		t.colored = true
	case !t.alternate:
		t.strange = seq // the scrollback holds text only
	case seq == "[H":
		t.x, t.y = 0, 0
	case seq == "[K":
		t.erase(t.y, t.x)
	case seq == "[2J":
		for y := range t.cells {
			t.erase(y, 0)
		}
	case seq == "[J":
		t.erase(t.y, t.x)
		for y := t.y + 1; y < t.rows; y++ {
			t.erase(y, 0)
		}
	default:
		t.strange = seq
	}
}

func (t *terminal) erase(y, from int) {
	for x := from; x < t.cols && y < t.rows; x++ {
		t.cells[y][x] = ' '
	}
}

// screen is what is to be seen now.
func (t *terminal) screen() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, l := range t.cells {
		b.WriteString(strings.TrimRight(string(l), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// shows waits until the screen holds all of some words, and gives the screen.
func (t *terminal) shows(words ...string) (string, error) {
	var last string
	err := waitFor(func() bool {
		last = t.screen()
		for _, w := range words {
			if !strings.Contains(last, w) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return last, fmt.Errorf("no %q on the screen: %w\n%s", words, err, last)
	}
	return last, nil
}

func TestTerminal(t *testing.T) {
	term := &terminal{cols: 5, rows: 2, cells: [][]byte{[]byte("     "), []byte("     ")}}
	for _, c := range "$ x\r\n\x1b[?1049h\x1b[?25l\x1b[H\x1b[J\x1b[Kab\x1b[32mc\x1b[0m\r\n\x1b[Kdef\x1b[J\x1b[H\x1b[KA" {
		term.rest = append(term.rest, byte(c))
		for term.step() {
		}
	}
	if got := term.screen(); got != "A\ndef" || term.text != "$ x\r\n" || !term.colored || !term.hidden || term.strange != "" {
		t.Errorf("%q, %q, %+v", got, term.text, term)
	}
}
