package cluster

import (
	"context"
	"sync"

	"iconic/internal/parallel"
)

// match is a pair of stripes of rows, whose tile of W is computed and used at once. Each stripe first plays itself.
type match struct {
	a, b         int // a ≤ b
	turnA, turnB int // number of matches that the stripe has played before this one
}

// tournament lists every pair of n stripes, each stripe with itself included, in an order in which neighbours in the list rarely share a
// stripe: the circle method of round-robin tournaments, in which one stripe is fixed and the others rotate.
func tournament(n int) []match {
	matches := make([]match, 0, n*(n+1)/2)
	played := make([]int, n)
	play := func(a, b int) {
		matches = append(matches, match{min(a, b), max(a, b), played[min(a, b)], played[max(a, b)]})
		played[a]++
		if a != b {
			played[b]++
		}
	}
	for a := range n {
		play(a, a)
	}
	circle := n - 1 + n%2 // for odd n the fixed place is empty
	for round := range circle {
		if n%2 == 0 {
			play(n-1, round)
		}
		for k := 1; 2*k <= circle-1; k++ {
			play((round+k)%circle, (round-k+circle)%circle)
		}
	}
	return matches
}

// hold plays all matches on at most workers goroutines and returns when they have ended. Whatever the schedule, each stripe plays its
// matches one at a time and in the order of the list, so contributions to a stripe are added in a fixed order and sums have the same bits
// on any number of workers. There is no deadlock: of the started matches, the first in the list never waits.
func hold(ctx context.Context, workers int, matches []match, stripes int, play func(worker, number int, m match) error) error {
	var (
		mu     sync.Mutex
		turned = sync.NewCond(&mu)
		next   int
		failed error
		played = make([]int, stripes)
		wait   sync.WaitGroup
	)
	for worker := range min(parallel.Workers(workers), max(1, stripes/2)) {
		wait.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			for next < len(matches) && failed == nil {
				number := next
				m := matches[number]
				next++
				for failed == nil && (played[m.a] != m.turnA || played[m.b] != m.turnB) {
					turned.Wait()
				}
				if failed != nil {
					return
				}
				mu.Unlock()
				err := ctx.Err()
				if err == nil {
					err = play(worker, number, m)
				}
				mu.Lock()
				if err != nil && failed == nil {
					failed = err
				}
				played[m.a]++
				if m.a != m.b {
					played[m.b]++
				}
				turned.Broadcast()
			}
		})
	}
	wait.Wait()
	return failed
}
