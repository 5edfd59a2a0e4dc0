package progress

import (
	"math"
	"sync"
	"time"
)

// StageTime is how long a stage took.
type StageTime struct {
	Stage   string  `json:"stage"`
	Seconds float64 `json:"seconds"`
}

// Clock times the stages of a piece of work. A stage lasts from its first step until the first step of another stage, or until Stop; the
// time of a stage that recurs is added. Its methods may be called from several goroutines.
type Clock struct {
	mutex sync.Mutex
	now   func() time.Time

	times  []StageTime // stages that have ended, in the order of their first steps
	since  time.Time   // start of the current stage; zero: none
	first  Step        // first step of the current stage that has a count, and its time
	counts time.Time
	last   Step
}

// NewClock begins to time a stage. Times of earlier processes for the same work are added.
func NewClock(stage string, earlier ...StageTime) *Clock {
	return newClock(time.Now, stage, earlier)
}

func newClock(now func() time.Time, stage string, earlier []StageTime) *Clock {
	c := &Clock{now: now, times: append([]StageTime(nil), earlier...)}
	c.At(Step{Stage: stage})
	return c
}

// Hooks returns h with stages and steps timed.
func (c *Clock) Hooks(h Hooks) Hooks {
	tell := h
	h.Step = func(s Step) {
		c.At(s)
		tell.At(s)
	}
	h.Begun = func(stage string) {
		c.At(Step{Stage: stage})
		tell.Begin(stage)
	}
	return h
}

// At records a step.
func (c *Clock) At(s Step) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	now := c.now()
	if c.since.IsZero() || s.Stage != c.last.Stage {
		c.stop(now)
		c.since, c.counts = now, time.Time{}
	}
	switch {
	case s.Unit == "": // the stage begins, perhaps again
		c.counts = time.Time{}
	case c.counts.IsZero() || s.Done < c.last.Done:
		c.first, c.counts = s, now
	}
	c.last = s
}

// Stop ends the current stage, if there is one.
func (c *Clock) Stop() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.stop(c.now())
}

func (c *Clock) stop(now time.Time) {
	if !c.since.IsZero() {
		c.times = added(c.times, c.last.Stage, now.Sub(c.since).Seconds())
	}
	c.since = time.Time{}
}

// added adds a time to a stage.
func added(times []StageTime, stage string, seconds float64) []StageTime {
	for k := range times {
		if times[k].Stage == stage {
			times[k].Seconds += seconds
			return times
		}
	}
	return append(times, StageTime{stage, seconds})
}

// Add adds times of the same work.
func (c *Clock) Add(times ...StageTime) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, t := range times {
		c.times = added(c.times, t.Stage, t.Seconds)
	}
}

// Times are the times of all stages so far, including the current one, to a millisecond.
func (c *Clock) Times() []StageTime {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	times := append([]StageTime(nil), c.times...)
	if !c.since.IsZero() {
		times = added(times, c.last.Stage, c.now().Sub(c.since).Seconds())
	}
	for k := range times {
		times[k].Seconds = math.Round(1000*times[k].Seconds) / 1000
	}
	return times
}

// Stand is the state of a stage.
type Stand struct {
	Step                  // the last one
	Elapsed time.Duration // since the stage began
	Rate    float64       // Units per second, since the first step with a count; 0: unknown
	Left    time.Duration // remaining time at that rate; 0: unknown
}

// Stand returns the state of the current stage; false if there is none.
func (c *Clock) Stand() (Stand, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.since.IsZero() {
		return Stand{}, false
	}
	now := c.now()
	s := Stand{Step: c.last, Elapsed: now.Sub(c.since)}
	if counted := now.Sub(c.counts).Seconds(); !c.counts.IsZero() && counted > 0 {
		s.Rate = float64(s.Done-c.first.Done) / counted
	}
	if left := float64(s.Total-s.Done) / s.Rate; s.Rate > 0 && s.Total > 0 && left < 1e9 {
		s.Left = max(0, time.Duration(left*float64(time.Second)))
	}
	return s, true
}
