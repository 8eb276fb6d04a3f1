package probe

import (
	"container/heap"
	"context"
	"sync"

	"vpcdoctor/probe/dial"
)

// task is one connection of the run.
type task interface {
	run(ctx context.Context, p *dial.Prober)
	before(task) bool // is needed more than another
}

// queue runs tasks, the most needed first, at most MaxConnections at once.
// Names are still being resolved while the first answers are dialled, so tasks
// arrive in the course of the run.
type queue struct {
	mu      sync.Mutex
	arrived sync.Cond
	waiting taskHeap
	added   int
	done    int
	closed  bool
	workers sync.WaitGroup
	tick    func(done, added int)
}

func newQueue(ctx context.Context, p *dial.Prober, tick func(done, added int)) *queue {
	q := &queue{tick: tick}
	q.arrived.L = &q.mu
	for range MaxConnections {
		q.workers.Go(func() { q.work(ctx, p) })
	}
	return q
}

// add hands tasks over. It never blocks.
func (q *queue) add(ts ...task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range ts {
		heap.Push(&q.waiting, t)
	}
	q.added += len(ts)
	q.arrived.Broadcast()
}

// finish waits until every task has run.
func (q *queue) finish() {
	q.mu.Lock()
	q.closed = true
	q.arrived.Broadcast()
	q.mu.Unlock()
	q.workers.Wait()
}

func (q *queue) work(ctx context.Context, p *dial.Prober) {
	for {
		t := q.next()
		if t == nil {
			return
		}
		t.run(ctx, p)
		q.mu.Lock()
		q.done++
		done, added := q.done, q.added
		q.mu.Unlock()
		q.tick(done, added)
	}
}

// next is the most needed task, or nil when there will be none.
func (q *queue) next() task {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 {
		if q.closed {
			return nil
		}
		q.arrived.Wait()
	}
	t, _ := heap.Pop(&q.waiting).(task)
	return t
}

// taskHeap orders tasks for container/heap.
type taskHeap []task

func (h taskHeap) Len() int           { return len(h) }
func (h taskHeap) Less(i, j int) bool { return h[i].before(h[j]) }
func (h taskHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is called by container/heap.
func (h *taskHeap) Push(x any) {
	if t, ok := x.(task); ok {
		*h = append(*h, t)
	}
}

// Pop is called by container/heap.
func (h *taskHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	*h = (*h)[:last]
	return t
}
