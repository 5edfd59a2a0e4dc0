package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/spf13/pflag"

	"iconic/extract/encoder"
	"iconic/extract/store"
)

// The largest values of count flags. They are far above any useful value, yet small enough to keep the memory reserved for each
// item small.
const (
	maxThreads   = 1024
	maxBatch     = encoder.MaxBatch
	maxSide      = 1 << 14 // pixels
	maxShardRows = store.MaxShardRows
)

// batchHelp is the help of --batch-images where the encoder's batches are filled with the images of a data set.
const batchHelp = "images per encoder batch (default: 8, or what a short probe finds if there are 1,000 or more, views included; 64 with CUDA and TensorRT)"

// count adds a flag for an integer from lo to hi. Any other value is a usage error that names the flag, before any work starts.
func count(f *pflag.FlagSet, v *int, name string, value, lo, hi int, help string) {
	*v = value
	f.Var(&counted{v, lo, hi}, name, help)
}

// counted is the value of a count flag.
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

// Type is the type name shown in the flag's help.
func (c *counted) Type() string { return "int" }

// seed adds a flag for the seed of random numbers.
func seed(f *pflag.FlagSet, v *uint64, name, help string) { f.Var((*seedValue)(v), name, help) }

// seedValue is the value of a seed flag.
type seedValue uint64

// Set reads a whole number.
func (v *seedValue) Set(s string) error {
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		return fmt.Errorf("want a whole number from 0 to %d", uint64(math.MaxUint64))
	}
	*v = seedValue(n)
	return nil
}

func (v *seedValue) String() string { return strconv.FormatUint(uint64(*v), 10) }

// Type is the type name shown in the flag's help.
func (v *seedValue) Type() string { return "uint" }

// percentage adds a flag for a number from 0 to 100.
func percentage(f *pflag.FlagSet, v *float64, name string, value float64, help string) {
	*v = value
	f.Var((*percentageValue)(v), name, help)
}

// percentageValue is the value of a percentage flag.
type percentageValue float64

// Set reads a number from 0 to 100.
func (v *percentageValue) Set(s string) error {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n <= 100) {
		return errors.New("want a percentage from 0 to 100")
	}
	*v = percentageValue(n)
	return nil
}

func (v *percentageValue) String() string { return strconv.FormatFloat(float64(*v), 'g', -1, 64) }

// Type is the type name, shown as float in the flag's help.
func (v *percentageValue) Type() string { return "float64" }
