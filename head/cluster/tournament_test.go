package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestTournamentPairsEveryStripeWithEveryOtherOnce(t *testing.T) {
	for n := 1; n < 30; n++ {
		met := make(map[[2]int]bool)
		played := make([]int, n)
		for _, m := range tournament(n) {
			if m.a > m.b || met[[2]int{m.a, m.b}] {
				t.Fatalf("%d stripes: %v met before, or in the wrong order", n, m)
			}
			met[[2]int{m.a, m.b}] = true
			if m.turnA != played[m.a] || m.turnB != played[m.b] {
				t.Fatalf("%d stripes: turns of %v are wrong, want %d and %d", n, m, played[m.a], played[m.b])
			}
			played[m.a]++
			if m.a != m.b {
				played[m.b]++
			}
		}
		if len(met) != n*(n+1)/2 {
			t.Fatalf("%d stripes: %d pairs, want %d", n, len(met), n*(n+1)/2)
		}
	}
}

func TestEveryStripeMeetsTheOthersInOneOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, workers := rapid.IntRange(1, 12).Draw(t, "stripes"), rapid.IntRange(1, 9).Draw(t, "workers")
		matches := tournament(n)
		want, got := make([][]int, n), make([][]int, n)
		for number, m := range matches {
			want[m.a] = append(want[m.a], number)
			if m.a != m.b {
				want[m.b] = append(want[m.b], number)
			}
		}
		busy := make([]sync.Mutex, n)
		err := hold(context.Background(), workers, matches, n, func(_, number int, m match) error {
			both := []int{m.a, m.b}
			if m.a == m.b {
				both = both[:1]
			}
			for _, s := range both {
				if !busy[s].TryLock() {
					return fmt.Errorf("stripe %d plays two matches at once", s)
				}
				defer busy[s].Unlock()
				got[s] = append(got[s], number)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%d workers: order %v, want %v", workers, got, want)
		}
	})
}

func TestTournamentEndsOnErrorAndOnCancel(t *testing.T) {
	matches := tournament(9)
	broken := errors.New("broken")
	for _, workers := range []int{1, 4} {
		err := hold(context.Background(), workers, matches, 9, func(_, number int, _ match) error {
			if number == 20 {
				return broken
			}
			return nil
		})
		if !errors.Is(err, broken) {
			t.Errorf("%d workers: error %v, want %v", workers, err, broken)
		}
		ctx, cancel := context.WithCancel(context.Background())
		err = hold(ctx, workers, matches, 9, func(_, number int, _ match) error {
			if number == 20 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d workers: error %v after cancelling", workers, err)
		}
	}
}
