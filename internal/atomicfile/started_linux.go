package atomicfile

import "os"

// started identifies one boot of the kernel, which containers share; "" if unknown.
func started() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(b)
}
