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

// Whoever sends little shall not wait for those who send much. Three things see to it:
//
//   - Clients are known by their address. What was done for each is counted, and images wait for the encoder in that order: first those of
//     the clients that had least lately (accounts, queue).
//   - A batch is only as large as it keeps the next one from waiting long (pace).
//   - Heavy pictures are decoded in the time that light ones leave (patient).
//
// And whoever is refused again and again is answered later each time.

// account is what is remembered of an address. Both numbers fade: half of them is forgotten in halfLife.
type account struct {
	refusals float64
	used     float64 // seconds of work
	at       time.Time
}

const (
	halfLife    = 10 * time.Second
	mostClients = 4096 // that are remembered; those who come when all have been busy share an account
)

// now lets the numbers fade up to a time.
func (c *account) now(t time.Time) {
	fade := math.Exp2(-float64(t.Sub(c.at)) / float64(halfLife))
	c.refusals, c.used, c.at = fade*c.refusals, fade*c.used, t
}

type accounts struct {
	least time.Duration // for which a refusal is held back while others are being decoded

	mu    sync.Mutex
	by    map[string]*account
	swept time.Time // when those of whom nothing was heard were last forgotten
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
			from = "" // which is nobody's address
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

// used counts work that was done for an address.
func (a *accounts) used(from string, d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of(from, time.Now()).used += d.Seconds()
}

// usage is the seconds of work that were done for an address lately.
func (a *accounts) usage(from string) float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.of(from, time.Now()).used
}

const (
	holdBusy = 32 // times least, at most
	holdIdle = 4  // the same, while nothing else is to be done
	freeIdle = 16 // refusals that are told at once, while nothing else is to be done
)

// hold counts a refusal of an address, and says how long it is to be held back: twice as long each time, and not always equally long,
// so that those who were refused together do not come back together.
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
	filled   chan struct{} // has room for one

	mu   sync.Mutex
	jobs []*job
}

func newQueue(a *accounts) *queue { return &queue{accounts: a, filled: make(chan struct{}, 1)} }

// len is how many images wait that somebody still wants.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = slices.DeleteFunc(q.jobs, gone)
	return len(q.jobs)
}

// put adds an image, and drops those that nobody waits for any more.
func (q *queue) put(j *job) {
	q.mu.Lock()
	q.jobs = append(slices.DeleteFunc(q.jobs, gone), j)
	q.mu.Unlock()
	q.call()
}

// call says that there is something to do.
func (q *queue) call() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

func gone(j *job) bool { return j.ctx.Err() != nil }

// take takes up to most images: those of the addresses for which least was done lately, where a second of waiting makes up for a second
// of work, so that everybody's turn comes. Where more are left, it calls again.
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

// pace learns what a batch takes, as start + each·images by weighted least squares, the latest batches counting most.
type pace struct {
	w, n, nn, t, nt float64 // sums of weights, images, their squares, seconds, and seconds times images
}

func (p *pace) took(images int, d time.Duration) {
	const keep = 0.98
	x, y := float64(images), d.Seconds()
	p.w, p.n, p.nn, p.t, p.nt = keep*p.w+1, keep*p.n+x, keep*p.nn+x*x, keep*p.t+y, keep*p.nt+x*y
}

// most is how many images a batch may have: as many as take no longer than a few lone ones, one after the other. A graphics card, where
// many take hardly longer than one, gets full batches; a processor small ones, which cost it little.
func (p *pace) most(batch int) int {
	const few, rounding = 3, 1e-6
	spread := p.w*p.nn - p.n*p.n
	if p.w < 2 || spread < 1e-6*p.nn {
		return batch // all were of one size, and nothing is known
	}
	each := (p.w*p.nt - p.n*p.t) / spread
	start := (p.t - each*p.n) / p.w
	if each <= 0 {
		return batch
	}
	return int(min(float64(batch), few+(few-1)*max(0, start)/each+rounding))
}

// patient is the context of a heavy decoder. Decoders look at their context between two steps: there this one lets light requests go
// first, for at most four times as long as the step took, so that a fifth of a processor is left to it in any case.
type patient struct {
	context.Context
	light   *atomic.Int64 // requests under way
	resumed atomic.Int64  // when the step began, in nanoseconds
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
