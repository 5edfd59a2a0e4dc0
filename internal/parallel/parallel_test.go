package parallel

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBlocksCoverEveryItemOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 500).Draw(t, "n")
		size := rapid.IntRange(1, 60).Draw(t, "size")
		workers := rapid.IntRange(0, 9).Draw(t, "workers")
		seen := make([]int, n)
		err := Blocks(context.Background(), workers, n, size, func(b, lo, hi int) error {
			if lo != b*size || hi > n || hi-lo > size || hi <= lo {
				return errors.New("wrong block")
			}
			for i := lo; i < hi; i++ {
				seen[i]++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range seen {
			if s != 1 {
				t.Fatalf("item %d was visited %d times", i, s)
			}
		}
	})
}

func TestBlocksStopOnErrorAndOnCancel(t *testing.T) {
	broken := errors.New("broken")
	for _, workers := range []int{1, 4} {
		err := Blocks(context.Background(), workers, 1000, 1, func(b, _, _ int) error {
			if b == 7 {
				return broken
			}
			return nil
		})
		if !errors.Is(err, broken) {
			t.Errorf("%d workers: error %v, want %v", workers, err, broken)
		}
		ctx, cancel := context.WithCancel(context.Background())
		err = Blocks(ctx, workers, 1000, 1, func(b, _, _ int) error {
			if b == 3 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d workers: error %v after cancelling", workers, err)
		}
	}
}

func TestEachGivesAllWork(t *testing.T) {
	for _, c := range []struct{ workers, tasks, want int }{{1, 8, 1}, {2, 8, 1}, {8, 8, 1}, {9, 8, 2}, {16, 8, 2}, {64, 10, 7}, {4, 0, 4}} {
		if got := Each(c.workers, c.tasks); got != c.want {
			t.Errorf("%d workers on %d tasks: %d each, want %d", c.workers, c.tasks, got, c.want)
		}
	}
}
