package atomicfile

import "golang.org/x/sys/unix"

// started identifies one boot of the kernel; "" if unknown.
func started() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}
