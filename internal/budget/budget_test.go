package budget

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
)

func TestNeverMoreThanThereIs(t *testing.T) {
	const total = 100
	b := New(total)
	var held, most atomic.Int64
	var wait sync.WaitGroup
	for i := range 50 {
		wait.Go(func() {
			need := int64(1 + i*7%total)
			if err := b.Take(t.Context(), need); err != nil {
				t.Error(err)
				return
			}
			now := held.Add(need)
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
			held.Add(-need)
			b.Give(need)
		})
	}
	wait.Wait()
	if most.Load() > total {
		t.Errorf("%d bytes were held at once, but the budget is %d", most.Load(), total)
	}
	if ok, err := b.TryTake(total); !ok || err != nil {
		t.Errorf("after everything was given back: %v, %v", ok, err)
	}
}

// What is raised at once or awaited is held until it is released, and no longer.
func TestHoldings(t *testing.T) {
	b := New(100)
	one, other := b.Hold(), b.Hold()
	if err := one.Await(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	if ok, err := one.Raise(60); !ok || err != nil {
		t.Errorf("raise to 60 of 100: %v, %v", ok, err)
	}
	if ok, err := other.Raise(50); ok || err != nil {
		t.Errorf("raise to 50 beside 60: %v, %v", ok, err)
	}
	if ok, err := one.Raise(20); !ok || err != nil {
		t.Errorf("raise to less: %v, %v", ok, err)
	}
	if _, err := one.Raise(161); !errors.Is(err, ErrTooLarge) {
		t.Errorf("raise to more than the budget: %v", err)
	}
	if err := one.Await(t.Context(), 100); err != nil { // it would wait for ever if its own 60 were kept
		t.Fatal(err)
	}
	if err := one.Await(t.Context(), 101); !errors.Is(err, ErrTooLarge) {
		t.Errorf("await more than the budget: %v", err)
	}
	one.Release()
	one.Release()
	if ok, err := b.TryTake(100); !ok || err != nil {
		t.Errorf("after everything was released: %v, %v", ok, err)
	}
}

func TestRefusals(t *testing.T) {
	b := New(100)
	if err := b.Take(t.Context(), 101); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than the budget: %v", err)
	}
	if err := b.Take(t.Context(), 60); err != nil {
		t.Fatal(err)
	}
	if ok, err := b.TryTake(60); ok || err != nil {
		t.Errorf("more than is free: %v, %v", ok, err)
	}
	if _, err := b.TryTake(101); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than the budget: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Take(ctx, 60); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting past the end of its context: %v", err)
	}
}

func TestControlGroups(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for _, c := range []struct {
		name string
		root fstest.MapFS
		want int64
	}{
		{"none", fstest.MapFS{}, 1000},
		{"version 2", fstest.MapFS{"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("300\n")}, 300},
		{"version 2, above", fstest.MapFS{"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("max\n"), "sys/fs/cgroup/a/memory.max": file("200\n")}, 200},
		{"version 2, in a container", fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("400\n")}, 400},
		{"version 1", fstest.MapFS{"proc/self/cgroup": file("3:cpu,cpuacct:/x\n9:memory:/docker/7\n"), "sys/fs/cgroup/memory/docker/7/memory.limit_in_bytes": file("250\n")}, 250},
		{"version 1, in a container", fstest.MapFS{"proc/self/cgroup": file("9:memory:/docker/7\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("350\n")}, 350},
		{"version 1, no limit", fstest.MapFS{"proc/self/cgroup": file("9:memory:/\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n")}, 1000},
	} {
		if got := machine(c.root, 1000); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if got, bound := machine(fstest.MapFS{}, 0), most(fstest.MapFS{}, 0); got != unknown || bound != math.MaxInt64 {
		t.Errorf("without any information: %d, bounded by %d", got, bound)
	}
}

func TestBudgetsThatNoMachineHas(t *testing.T) {
	for bytes, want := range map[int64]string{0: "", 1: "", 100: "", -1: "want a number of bytes", 101: "want at most 100 bytes", math.MinInt64: "want a number of bytes"} {
		if err := check(bytes, 100); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d of 100: %v, want %q", bytes, err, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"800MB": 800e6, "2GB": 2e9, "1.5GiB": 1.5 * (1 << 30), "4g": 4e9, " 64 MiB ": 64 << 20, "100000000": 1e8} {
		var s Size
		if err := s.set(text, 5e9); err != nil || s != want {
			t.Errorf("%q: %d, %v; want %d", text, s, err, want)
		}
	}
	var s Size
	if err := s.set("1TB", 4<<30); err == nil || s != 0 || !strings.Contains(err.Error(), `"1TB": want at most 4.3 GB, which is all`) {
		t.Errorf("more than the machine has: %d, %v", s, err)
	}
	if err := s.Set("100TB"); err == nil {
		t.Error("100 TB are accepted on this machine")
	}
	for _, text := range []string{"", "much", "-1GB", "1MB", "NaN", "inf", "1e300GB", "0", "2 GB GB"} {
		if err := s.set(text, math.MaxInt64); err == nil {
			t.Errorf("%q is read as %d", text, s)
		}
	}
}
