package progress

import (
	"slices"
	"testing"
	"time"
)

// hand is a clock that is set by hand.
type hand struct{ now time.Time }

func (h *hand) wait(seconds float64) {
	h.now = h.now.Add(time.Duration(seconds * float64(time.Second)))
}

func TestClockCountsStages(t *testing.T) {
	h := &hand{time.Unix(1e9, 0)}
	c := newClock(func() time.Time { return h.now }, "preparation", []StageTime{{"encode", 100}})
	told := 0
	hooks := c.Hooks(Hooks{Step: func(Step) { told++ }, Begun: func(string) { told++ }})
	h.wait(2)
	hooks.At(Step{Stage: "encode", Unit: "images", Done: 40, Total: 100}) // 40 were done before
	h.wait(10)
	hooks.At(Step{Stage: "encode", Unit: "images", Done: 60, Total: 100})
	stand, ok := c.Stand()
	if want := (Stand{Step{"encode", "images", 60, 100, ""}, 10 * time.Second, 2, 20 * time.Second}); !ok || stand != want {
		t.Errorf("%+v, want %+v", stand, want)
	}
	hooks.Begin("scores")
	h.wait(3)
	if stand, _ := c.Stand(); stand.Rate != 0 || stand.Left != 0 || stand.Elapsed != 3*time.Second {
		t.Errorf("a stage without steps: %+v", stand)
	}
	hooks.At(Step{Stage: "encode", Unit: "images", Done: 100, Total: 100})
	h.wait(1)
	c.Stop()
	h.wait(50) // outside any stage
	hooks.Begin("page")
	h.wait(4)
	if want := []StageTime{{"encode", 111}, {"preparation", 2}, {"scores", 3}, {"page", 4}}; !slices.Equal(c.Times(), want) {
		t.Errorf("%v, want %v", c.Times(), want)
	}
	c.Add(StageTime{"page", 1})
	if last := c.Times()[3]; last.Seconds != 5 {
		t.Errorf("%v after one second more", last)
	}
	if told != 5 {
		t.Errorf("%d steps were forwarded, want 5", told)
	}
}

// The rate of a stage that begins again, or whose count does, is that since then.
func TestClockMeasuresAStageThatBeginsAgain(t *testing.T) {
	for _, told := range []bool{true, false} {
		h := &hand{time.Unix(1e9, 0)}
		c := newClock(func() time.Time { return h.now }, "", nil)
		hooks := c.Hooks(Hooks{})
		for _, seconds := range []float64{100, 1} { // of each of four steps
			if told {
				hooks.Begin("halves")
			}
			for done := range int64(4) {
				hooks.At(Step{Stage: "halves", Unit: "steps", Done: done, Total: 4})
				h.wait(seconds)
			}
		}
		if s, _ := c.Stand(); s.Rate != 0.75 || s.Left.Round(time.Second) != time.Second {
			t.Errorf("begun: %v: %v steps/s, %v left, want 3 steps in 4 s", told, s.Rate, s.Left)
		}
	}
}

func TestClockKnowsNoTimeLeft(t *testing.T) {
	h := &hand{time.Unix(1e9, 0)}
	c := newClock(func() time.Time { return h.now }, "", nil)
	c.At(Step{Stage: "download", Unit: "bytes", Done: 0, Total: -1})
	h.wait(2)
	c.At(Step{Stage: "download", Unit: "bytes", Done: 100, Total: -1})
	if s, _ := c.Stand(); s.Rate != 50 || s.Left != 0 {
		t.Errorf("%+v", s)
	}
	c.Stop()
	if s, ok := c.Stand(); ok {
		t.Errorf("after the end: %+v", s)
	}
}
