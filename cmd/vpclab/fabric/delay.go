package fabric

import (
	"container/heap"
	"sync"
	"time"
)

// delayLine holds frames back for their latency and releases them in the
// order of their times, ties in the order of arrival, so that a constant
// latency never reorders a flow.
type delayLine struct {
	out func(Side, []byte)

	mu      sync.Mutex
	waiting frames
	n       uint64
	wake    chan struct{}
	done    chan struct{}
	started bool
}

func newDelayLine(out func(Side, []byte)) *delayLine {
	return &delayLine{out: out, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// stop ends the line; what waits is lost.
func (l *delayLine) stop() { close(l.done) }

// send passes a frame on after d. The frame's bytes are copied when it has to
// wait.
func (l *delayLine) send(to Side, frame []byte, d time.Duration) {
	if d <= 0 {
		l.out(to, frame)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started {
		l.started = true
		go l.run()
	}
	l.n++
	heap.Push(&l.waiting, held{time.Now().Add(d), l.n, to, append([]byte(nil), frame...)})
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *delayLine) run() {
	for {
		l.mu.Lock()
		wait := time.Hour
		var due []held
		for len(l.waiting) > 0 {
			if wait = time.Until(l.waiting[0].at); wait > 0 {
				break
			}
			due = append(due, heap.Pop(&l.waiting).(held))
			wait = time.Hour
		}
		l.mu.Unlock()
		for _, h := range due {
			l.out(h.to, h.frame)
		}
		if len(due) > 0 {
			continue
		}
		select {
		case <-l.wake:
		case <-l.done:
			return
		case <-time.After(wait):
		}
	}
}

type held struct {
	at    time.Time
	n     uint64
	to    Side
	frame []byte
}

// frames is a heap by time, then by arrival.
type frames []held

func (f frames) Len() int      { return len(f) }
func (f frames) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f frames) Less(i, j int) bool {
	if f[i].at.Equal(f[j].at) {
		return f[i].n < f[j].n
	}
	return f[i].at.Before(f[j].at)
}
func (f *frames) Push(x any) { *f = append(*f, x.(held)) }
func (f *frames) Pop() any {
	old := *f
	last := old[len(old)-1]
	*f = old[:len(old)-1]
	return last
}
