package atomicfile

import "golang.org/x/sys/unix"

// started stands for one start of the kernel; "" where that is not known.
func started() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}
