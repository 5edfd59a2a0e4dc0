package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// kernels compares the matrix products with the peak rate of the multiply-add units on registers alone. The two take turns.
func kernels(ctx context.Context, o options) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, %d processors seen, %s, kernels %q, %d threads.\n\n", cpuid.CPU.BrandName, runtime.NumCPU(), runtime.Version(), kernel.Path(), o.workers)
	fmt.Fprintf(&text, "| product (m×k×n) | GFLOP/s, by processor time | peak, measured beside it | share | bytes/s of operands and result |\n|---|---|---|---|---|\n")
	for _, s := range []struct {
		name    string
		m, k, n int
	}{{"A·Bᵀ", 4096, 384, 1000}, {"A·Bᵀ", 4096, 1000, 4096}, {"A·Bᵀ", 4096, 192, 100}, {"A·B", 4096, 1000, 384}} {
		a, b, c := make([]float32, s.m*s.k), make([]float32, s.n*s.k), make([]float32, s.m*s.n)
		for i := range a {
			a[i] = float32(i%17) - 8
		}
		for i := range b {
			b[i] = float32(i%13) - 6
		}
		product := func() error {
			return parallel.Blocks(ctx, o.workers, s.m, 512, func(_, lo, hi int) error {
				if s.name == "A·B" {
					kernel.Mul(c[lo*s.n:], s.n, a[lo*s.k:], s.k, b, s.n, hi-lo, s.k, s.n, false)
				} else {
					kernel.MulTransB(c[lo*s.n:], s.n, a[lo*s.k:], s.k, b, s.k, hi-lo, s.k, s.n, false)
				}
				return nil
			})
		}
		var ours, spins []cost
		var operations float64
		for range o.repeats + 1 { // the first is a warm-up
			d, err := timed(product)
			if err != nil {
				return "", err
			}
			ours = append(ours, d)
			d, err = timed(func() (err error) { operations, err = spin(ctx, o.workers); return err })
			if err != nil {
				return "", err
			}
			spins = append(spins, d)
		}
		// Processor time excludes other programs; the time of one thread counts.
		took := middle(ours[1:]).work.Seconds() / float64(o.workers)
		speed := 2 * float64(s.m) * float64(s.k) * float64(s.n) / took / 1e9
		peak := operations / (middle(spins[1:]).work.Seconds() / float64(o.workers)) / 1e9
		bytes := 4 * float64(len(a)+len(b)+len(c)) / took / 1e9
		fmt.Fprintf(&text, "| %s %d×%d×%d | %.0f | %.0f | %.0f %% | %.1f GB/s |\n", s.name, s.m, s.k, s.n, speed, peak, 100*speed/peak, bytes)
	}
	return text.String(), ctx.Err()
}

// spin runs the register-only loop on every thread and returns the number of operations.
func spin(ctx context.Context, workers int) (float64, error) {
	done := make([]float64, workers)
	err := parallel.Blocks(ctx, workers, workers, 1, func(b, _, _ int) error {
		done[b] = kernel.Spin(4_000_000)
		return nil
	})
	total := 0.0
	for _, d := range done {
		total += d
	}
	return total, err
}

func timed(work func() error) (cost, error) {
	start, before := time.Now(), used()
	err := work()
	return cost{time.Since(start), used() - before}, err
}
