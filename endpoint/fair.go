package endpoint

import (
	"cmp"
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Clients that send little must not wait for those that send much. Three mechanisms ensure it:
//
//   - Clients are known by their address. The work done for each is counted, and images wait for the encoder in that order: first those of
//     clients that recently had the least (accounts, queue).
//   - A batch is only as large as it can be without making the next one wait long (pace).
//   - Heavy pictures are decoded in the time that light ones leave (patient).
//
// In addition, a client that is refused again and again is answered later each time.

// account is the record of one address. Both numbers decay with a half-life of halfLife.
type account struct {
	refusals float64
	used     float64 // seconds of work
	at       time.Time
}

const (
	halfLife    = 10 * time.Second
	mostClients = 4096 // largest number of accounts; clients that arrive while all of them are busy share one
)

// now decays the numbers up to a time.
func (c *account) now(t time.Time) {
	fade := math.Exp2(-float64(t.Sub(c.at)) / float64(halfLife))
	c.refusals, c.used, c.at = fade*c.refusals, fade*c.used, t
}

type accounts struct {
	least time.Duration // shortest delay of a refusal while other images are being decoded

	mu    sync.Mutex
	by    map[string]*account
	swept time.Time // when accounts without recent activity were last removed
}

func newAccounts() *accounts {
	return &accounts{least: 250 * time.Millisecond, by: map[string]*account{}}
}

// of finds the account of an address; mu is held.
func (a *accounts) of(from string, t time.Time) *account {
	c := a.by[from]
	if c == nil && len(a.by) >= mostClients {
		if t.Sub(a.swept) > time.Second {
			a.swept = t
			maps.DeleteFunc(a.by, func(_ string, old *account) bool {
				old.now(t)
				return old.refusals < 0.5 && old.used < 0.01
			})
		}
		if len(a.by) >= mostClients {
			from = "" // no client has this address
			c = a.by[from]
		}
	}
	if c == nil {
		c = &account{at: t}
		a.by[from] = c
	}
	c.now(t)
	return c
}

// used counts work done for an address.
func (a *accounts) used(from string, d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of(from, time.Now()).used += d.Seconds()
}

// usage is the number of seconds of work recently done for an address.
func (a *accounts) usage(from string) float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of(from, time.Now()).used
}

const (
	holdBusy = 32 // longest delay, as a multiple of least
	holdIdle = 4  // the same while the server is idle
	freeIdle = 16 // refusals answered without delay while the server is idle
)

// hold counts a refusal of an address and returns its delay: twice as long each time, with a random part so that clients refused together
// do not come back together.
func (a *accounts) hold(from string, busy bool) time.Duration {
	a.mu.Lock()
	c := a.of(from, time.Now())
	c.refusals++
	n := c.refusals
	a.mu.Unlock()
	most := holdBusy * a.least
	if !busy {
		n -= freeIdle
		most = holdIdle * a.least
	}
	if n <= 0 {
		return 0
	}
	d := min(float64(a.least)*math.Exp2(n-1), float64(most))
	return time.Duration(d * (0.75 + 0.5*rand.Float64()))
}

// queue holds the images that wait for the encoder.
type queue struct {
	accounts *accounts
	filled   chan struct{} // has a buffer of one

	mu   sync.Mutex
	jobs []*job
}

func newQueue(a *accounts) *queue { return &queue{accounts: a, filled: make(chan struct{}, 1)} }

// len is the number of waiting images whose clients have not left.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = slices.DeleteFunc(q.jobs, gone)
	return len(q.jobs)
}

// put adds an image and drops those whose clients have left.
func (q *queue) put(j *job) {
	q.mu.Lock()
	q.jobs = append(slices.DeleteFunc(q.jobs, gone), j)
	q.mu.Unlock()
	q.call()
}

// call signals that there is work.
func (q *queue) call() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

func gone(j *job) bool { return j.ctx.Err() != nil }

// take takes up to most images, those of the addresses with the least recent work first. A second of waiting makes up for a second of work,
// so that every client gets its turn. If images are left, it signals again.
func (q *queue) take(most int) []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = slices.DeleteFunc(q.jobs, gone)
	now, turn := time.Now(), make(map[*job]float64, len(q.jobs))
	for _, j := range q.jobs {
		turn[j] = q.accounts.usage(j.from) - now.Sub(j.since).Seconds()
	}
	slices.SortStableFunc(q.jobs, func(a, b *job) int { return cmp.Compare(turn[a], turn[b]) })
	n := min(most, len(q.jobs))
	batch := slices.Clone(q.jobs[:n])
	q.jobs = slices.Delete(q.jobs, 0, n)
	if len(q.jobs) > 0 {
		q.call()
	}
	return batch
}

// pace estimates the time a batch takes as start + each·images, by weighted least squares in which the latest batches count most.
type pace struct {
	w, n, nn, t, nt float64 // sums of weights, images, their squares, seconds, and seconds times images
}

func (p *pace) took(images int, d time.Duration) {
	const keep = 0.98
	x, y := float64(images), d.Seconds()
	p.w, p.n, p.nn, p.t, p.nt = keep*p.w+1, keep*p.n+x, keep*p.nn+x*x, keep*p.t+y, keep*p.nt+x*y
}

// most is the largest number of images for a batch: as many as take no longer than a few single ones, one after the other. A graphics card,
// for which many images take hardly longer than one, gets full batches; a processor gets small ones, which cost it little.
func (p *pace) most(batch int) int {
	const few, rounding = 3, 1e-6
	spread := p.w*p.nn - p.n*p.n
	if p.w < 2 || spread < 1e-6*p.nn {
		return batch // all batches had one size, so nothing can be estimated
	}
	each := (p.w*p.nt - p.n*p.t) / spread
	start := (p.t - each*p.n) / p.w
	if each <= 0 {
		return batch
	}
	return int(min(float64(batch), few+(few-1)*max(0, start)/each+rounding))
}

// patient is the context of a heavy decoder. Decoders check their context between two steps; this one then lets light requests go first,
// for at most four times as long as the step took, so that it keeps at least a fifth of a processor.
type patient struct {
	context.Context
	light   *atomic.Int64 // light requests in progress
	resumed atomic.Int64  // start of the current step, in nanoseconds
}

func newPatient(ctx context.Context, light *atomic.Int64) *patient {
	p := &patient{Context: ctx, light: light}
	p.resumed.Store(time.Now().UnixNano())
	return p
}

func (p *patient) Err() error {
	const (
		step = time.Millisecond
		most = 100 * time.Millisecond
	)
	worked := time.Since(time.Unix(0, p.resumed.Load()))
	if worked > step {
		for end := time.Now().Add(min(4*worked, most)); p.light.Load() > 0 && time.Now().Before(end) && p.Context.Err() == nil; {
			time.Sleep(step)
		}
		p.resumed.Store(time.Now().UnixNano())
	}
	return p.Context.Err()
}
