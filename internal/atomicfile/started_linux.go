package atomicfile

import "os"

// started stands for one start of the kernel, which containers share; "" where that is not known.
func started() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(b)
}
