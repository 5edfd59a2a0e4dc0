//go:build (!amd64 && !arm64) || noasm

package kernel

// paths lists what this processor can run besides plain Go, best first.
func paths() []path { return nil }
