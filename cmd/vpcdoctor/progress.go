package main

import (
	"fmt"
	"io"
	"sync"
)

// progress is one line on stderr that is rewritten while the run goes on, and
// nothing at all when stderr is not a terminal.
type progress struct {
	w   io.Writer
	on  bool
	mu  sync.Mutex
	len int
}

func newProgress(w io.Writer, tty bool) *progress { return &progress{w: w, on: tty} }

func (p *progress) show(stage string, done, total int) {
	p.say(fmt.Sprintf("%s %d/%d", stage, done, total))
}

// say puts words of its own on the line.
func (p *progress) say(words string) {
	if !p.on {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	line := "vpcdoctor: " + words
	fmt.Fprintf(p.w, "\r%-*s", p.len, line)
	p.len = len(line)
}

// clear takes the line away before something else is printed.
func (p *progress) clear() {
	if !p.on {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.len > 0 {
		fmt.Fprintf(p.w, "\r%-*s\r", p.len, "")
		p.len = 0
	}
}
