package budget

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// Size is a number of bytes written as "800MB", "2GB", "1.5GiB" or "4G". It is a flag value; 0 stands for Default().
type Size int64

// Least is the smallest budget with which an ordinary photograph can be decoded.
const Least = 16 << 20

// units are powers of 1000, or of 1024 if the name contains an i.
var units = []struct {
	name  string
	bytes float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
	{"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {"t", 1e12}, {"b", 1},
}

// Bytes parses a number of bytes as people write it, 0 or more.
func Bytes(text string) (int64, error) {
	rest, unit := strings.ToLower(strings.TrimSpace(text)), 1.0
	for _, u := range units {
		if before, ok := strings.CutSuffix(rest, u.name); ok {
			rest, unit = strings.TrimSpace(before), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(rest, 64)
	if err != nil || math.IsNaN(n) || n < 0 || n*unit > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q: want a number of bytes, such as 800MB or 2GB", text)
	}
	return int64(n * unit), nil
}

// Set parses a size between Least and the memory of the machine.
func (s *Size) Set(text string) error { return s.set(text, most(os.DirFS("/"), physical())) }

func (s *Size) set(text string, most int64) error {
	n, err := Bytes(text)
	if err != nil {
		return err
	}
	if n < Least {
		return fmt.Errorf("%q: want at least %s", text, Format(Least))
	}
	if n > most {
		return fmt.Errorf("%q: want at most %s, %s", text, Format(most), all)
	}
	*s = Size(n)
	return nil
}

func (s *Size) String() string {
	if *s == 0 {
		return ""
	}
	return Format(int64(*s))
}

// Type is the value's name in a flag's help.
func (s *Size) Type() string { return "size" }

// Format writes a number of bytes for people: "512 bytes", "17 MB", "2.1 GB".
func Format(bytes int64) string {
	switch n := float64(bytes); {
	case n < 1e4:
		return fmt.Sprintf("%d bytes", bytes)
	case n < 1e6:
		return fmt.Sprintf("%.0f kB", n/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.0f MB", n/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
}
