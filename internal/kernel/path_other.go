//go:build (!amd64 && !arm64) || noasm

package kernel

// onRequest names the paths that are taken only when ICONIC_KERNEL asks for them.
var onRequest = map[string]bool{}

// paths lists what this processor can run besides plain Go, best first.
func paths() []path { return nil }
