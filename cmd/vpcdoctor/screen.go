package main

import (
	"io"
	"strings"
	"sync"
	"time"

	"vpcdoctor/report"
	"vpcdoctor/report/watch"
)

// screenView is the live table. It draws on the alternate screen, so that the
// scrollback holds nothing of it, and leaves there what turned once it is
// closed.
//
// Every frame is one write that begins at the top and erases line by line:
// nothing flickers, and what somebody typed is painted over within a second.
type screenView struct {
	w     io.Writer
	size  func() (width, height int)
	color bool

	mu            sync.Mutex
	frame         watch.Frame
	next          time.Time // of the look to come; zero: one is under way
	shown         string
	at            time.Time // of the last drawing
	width, height int       // then
	closed        bool
	done          chan struct{}
	resume        func() // takes the handler of Ctrl-Z away
}

// Control sequences of every terminal since the VT220 (ECMA-48), and xterm's
// for the alternate screen. A terminal without one ignores that and is cleared.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[J"
	leaveScreen = "\x1b[H\x1b[J\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	eraseLine   = "\x1b[K" // before the line: after a full one it would take the last character
	eraseBelow  = "\x1b[J"
	eraseAll    = "\x1b[2J"
)

// How often the screen is looked at, and how often at least it is drawn.
const (
	screenTick   = 200 * time.Millisecond
	screenRedraw = time.Second
)

func newScreenView(a *app, color bool) *screenView {
	v := &screenView{w: a.stdout, size: a.size, color: color, done: make(chan struct{})}
	v.frame.History = &watch.History{}
	v.frame.Status = "starting"
	_, _ = io.WriteString(v.w, enterScreen)
	v.resume = onSuspend(v.suspend, v.reenter)
	v.draw()
	go v.tick()
	return v
}

func (v *screenView) tick() {
	t := time.NewTicker(screenTick)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			v.draw()
		case <-v.done:
			return
		}
	}
}

func (v *screenView) progress(stage string, _, _ int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.frame.Status, v.next = "looking: "+stage, time.Time{}
}

func (v *screenView) looked(r *report.Report, turned []watch.Turn, pause time.Duration) {
	v.mu.Lock()
	if v.frame.Report == nil {
		turned = turned[len(turned)-1:] // the table shows what fails; nothing has turned yet
	}
	v.frame.Report, v.next = r, time.Now().Add(pause)
	v.frame.History.Add(turned...)
	v.mu.Unlock()
	v.draw()
}

// draw puts the frame on the screen when it or the screen has changed, and now
// and then anyway.
func (v *screenView) draw() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	if !v.next.IsZero() {
		v.frame.Status = nextLook(time.Until(v.next))
	}
	width, height := v.size()
	out := toTop
	if width != v.width || height != v.height {
		out = eraseAll + toTop // what a terminal makes of old lines in a new width is anybody's guess
		v.width, v.height, v.shown = width, height, ""
	}
	lines := strings.Join(v.frame.Lines(width, height, v.color), "\r\n"+eraseLine)
	if lines == v.shown && time.Since(v.at) < screenRedraw {
		return
	}
	v.shown, v.at = lines, time.Now()
	_, _ = io.WriteString(v.w, out+eraseLine+lines+eraseBelow)
}

// suspend gives the terminal back while the program is stopped.
func (v *screenView) suspend() {
	v.mu.Lock()
	if !v.closed {
		_, _ = io.WriteString(v.w, leaveScreen)
	}
}

// reenter takes it again after a suspend.
func (v *screenView) reenter() {
	if !v.closed {
		_, _ = io.WriteString(v.w, enterScreen)
		v.shown = ""
	}
	v.mu.Unlock()
}

func (v *screenView) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	v.closed = true
	close(v.done)
	v.resume()
	out := leaveScreen
	for _, l := range v.frame.History.Lines(v.width, v.color) {
		out += l + "\n"
	}
	if out != leaveScreen {
		out += "\n"
	}
	_, _ = io.WriteString(v.w, out)
}
