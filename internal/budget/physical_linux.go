package budget

import "golang.org/x/sys/unix"

// physical is the machine's memory in bytes, 0 if unknown.
func physical() int64 {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return int64(uint64(s.Totalram) * uint64(s.Unit))
}
