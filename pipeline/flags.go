package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"iconic/extract/store"
)

// The largest counts that flags take. They are far beyond what helps anybody, and small enough that what is reserved for each
// stays small.
const (
	maxThreads   = 1024
	maxBatch     = 1 << 14
	maxSide      = 1 << 14 // pixels
	maxShardRows = store.MaxShardRows
	maxSeeds     = 10_000
)

// count adds a flag of a whole number from lo to hi. Anything else is wrong use, told with the flag's name before any work.
func count(f *pflag.FlagSet, v *int, name string, value, lo, hi int, help string) {
	*v = value
	f.Var(&counted{v, lo, hi}, name, help)
}

// counted is the value of such a flag.
type counted struct {
	v      *int
	lo, hi int
}

// Set reads a number within the bounds.
func (c *counted) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < c.lo || v > c.hi {
		return fmt.Errorf("want a whole number from %d to %d", c.lo, c.hi)
	}
	*c.v = v
	return nil
}

func (c *counted) String() string {
	if c.v == nil {
		return "0"
	}
	return strconv.Itoa(*c.v)
}

// Type is the word that the flag's help shows.
func (c *counted) Type() string { return "int" }
