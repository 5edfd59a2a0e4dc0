package budget

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// unknown is assumed as the machine's memory if it cannot be determined.
const unknown = 4 << 30

// Default is the budget of a process without settings, in bytes: half of Machine, since the encoder, the features and the rest of the
// machine also need memory.
func Default() int64 { return Machine() / 2 }

// Machine is the memory, in bytes, that this process may use: the machine's, or the smallest limit of its control groups.
func Machine() int64 { return machine(os.DirFS("/"), physical()) }

// Check returns an error for a budget that is negative, or larger than Machine if that is known. 0 stands for Default().
func Check(bytes int64) error { return check(bytes, most(os.DirFS("/"), physical())) }

// all describes the largest allowed number.
const all = "which is all that this machine, or the container, has"

func check(bytes, most int64) error {
	switch {
	case bytes < 0:
		return fmt.Errorf("memory %d: want a number of bytes, or 0 for half of the machine's", bytes)
	case bytes > most:
		return fmt.Errorf("memory %d (%s): want at most %s, %s", bytes, Format(bytes), Format(most), all)
	}
	return nil
}

// machine looks for limits in the files that Linux provides below root; other systems have none.
func machine(root fs.FS, physical int64) int64 {
	if most := most(root, physical); most < math.MaxInt64 {
		return most
	}
	return unknown
}

// most is the smallest of the machine's memory and all limits, math.MaxInt64 if none is known.
func most(root fs.FS, physical int64) int64 {
	most := physical
	if most < 1 {
		most = math.MaxInt64
	}
	for _, limit := range groupLimits(root) {
		if limit > 0 {
			most = min(most, limit)
		}
	}
	return most
}

// groupLimits are the limits of this process's control groups and of their ancestors. Lines of /proc/self/cgroup read
// "number:controllers:path"; the controllers are empty in version 2, and name memory in version 1. Inside a container the path may be the
// host's, so the root of the mounted hierarchy is checked as well.
func groupLimits(root fs.FS) []int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var limits []int64
	lines := bufio.NewScanner(bytes.NewReader(groups))
	for lines.Scan() {
		parts := strings.SplitN(lines.Text(), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, file := "sys/fs/cgroup", "memory.max"
		if parts[1] != "" {
			if !strings.Contains(","+parts[1]+",", ",memory,") {
				continue
			}
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for at := path.Clean("/" + parts[2]); ; at = path.Dir(at) {
			if limit, ok := number(root, path.Join(base, at, file)); ok {
				limits = append(limits, limit)
			}
			if at == "/" {
				break
			}
		}
	}
	return limits
}

// number reads a file that contains one whole number; "max" counts as none.
func number(root fs.FS, name string) (int64, bool) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

// SetRuntimeLimit makes the garbage collector work harder as the process approaches the given number of bytes, until restore is called. A
// limit that the user set with GOMEMLIMIT stays. It affects the whole process, so only a command may call it.
func SetRuntimeLimit(limit int64) (restore func()) {
	if os.Getenv("GOMEMLIMIT") != "" || limit < 1 {
		return func() {}
	}
	const least = 256 << 20 // below this, the collector would run all the time
	before := debug.SetMemoryLimit(max(limit, least))
	return func() { debug.SetMemoryLimit(before) }
}
