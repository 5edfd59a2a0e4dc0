package endpoint

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// Images of addresses with little recent work go first, unless others have waited long.
func TestTurns(t *testing.T) {
	q := newQueue(newAccounts())
	q.accounts.used("much", 3*time.Second)
	q.accounts.used("some", time.Second)
	put := func(from string, waited time.Duration) {
		q.put(&job{ctx: t.Context(), from: from, since: time.Now().Add(-waited)})
	}
	for range 3 {
		put("much", 0)
		put("some", 0)
	}
	put("new", 0)
	put("much", 10*time.Second)
	gone, leave := context.WithCancel(t.Context())
	leave()
	q.put(&job{ctx: gone, from: "new", since: time.Now()})
	if n := q.len(); n != 8 {
		t.Errorf("%d images wait, but one of the 9 belongs to a client that left", n)
	}
	var order []string
	for range 4 {
		<-q.filled
		for _, j := range q.take(2) {
			order = append(order, j.from)
		}
	}
	if got := fmt.Sprint(order); got != "[much new some some some much much much]" {
		t.Errorf("served in the order %s", got)
	}
	select {
	case <-q.filled:
		t.Error("an empty queue signals work")
	default:
	}
}

// A client that is refused repeatedly is answered later and later while others are busy; one that is refused now and then is answered at
// once.
func TestRefusalsAreHeldBackLongerEachTime(t *testing.T) {
	a := newAccounts()
	for n, want := 0, a.least; n < 10; n, want = n+1, min(2*want, holdBusy*a.least) {
		if d := a.hold("busy", true); d < want*7/10 || d > want*13/10 {
			t.Errorf("refusal %d is delayed by %s, want about %s", n, d, want)
		}
	}
	for n := range freeIdle {
		if d := a.hold("idle", false); d != 0 {
			t.Errorf("refusal %d of an idle server is delayed by %s", n, d)
		}
	}
	for range 20 {
		if d := a.hold("idle", false); d > holdIdle*a.least*13/10 {
			t.Errorf("an idle server delays a refusal by %s", d)
		}
	}
	a.by["busy"].at = a.by["busy"].at.Add(-20 * halfLife)
	if d := a.hold("busy", true); d > a.least*13/10 {
		t.Errorf("after a long time, a refusal is delayed by %s", d)
	}
}

func TestAccountsAreBounded(t *testing.T) {
	a := newAccounts()
	for i := range 3 * mostClients {
		a.used(fmt.Sprint("address ", i), time.Minute)
	}
	if n := len(a.by); n > mostClients+1 {
		t.Errorf("%d addresses are remembered", n)
	}
	for _, c := range a.by {
		c.at = c.at.Add(-100 * halfLife)
	}
	a.swept = time.Time{}
	a.used("another", time.Second)
	if n := len(a.by); n > 2 {
		t.Errorf("%d addresses are remembered after a long silence", n)
	}
}

// Batches are as large as they can be while taking no longer than a few images one by one.
func TestPace(t *testing.T) {
	learn := func(start, each float64) int {
		var p pace
		if got := p.most(16); got != 16 {
			t.Errorf("at first: %d", got)
		}
		for _, n := range []int{1, 16, 1, 2, 5, 3} {
			p.took(n, time.Duration((start+each*float64(n))*float64(time.Second)))
		}
		return p.most(16)
	}
	if n := learn(0, 0.1); n != 3 {
		t.Errorf("where a batch takes as long as its images: %d", n)
	}
	if n := learn(0.1, 0.1); n != 5 {
		t.Errorf("where the start takes as long as an image: %d", n)
	}
	if n := learn(0.1, 0.0001); n != 16 {
		t.Errorf("where a batch takes as long as one image: %d", n)
	}
}

// A heavy decoder lets light requests go first, and gets its turn even if they never end.
func TestPatience(t *testing.T) {
	var light atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	p := newPatient(ctx, &light)
	work := func() { p.resumed.Store(time.Now().Add(-20 * time.Millisecond).UnixNano()) } // as if a step had taken as long
	light.Store(1)
	work()
	begun := time.Now()
	if err := p.Err(); err != nil || time.Since(begun) < 60*time.Millisecond {
		t.Errorf("beside light requests it resumed after %s: %v", time.Since(begun), err)
	}
	work()
	done := make(chan error)
	go func() { done <- p.Err() }()
	light.Store(0)
	if err := <-done; err != nil {
		t.Error(err)
	}
	light.Store(1)
	work()
	cancel()
	if err := p.Err(); err == nil {
		t.Error("the decoder does not end with its request")
	}
}
