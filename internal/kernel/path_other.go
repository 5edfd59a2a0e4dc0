//go:build (!amd64 && !arm64) || noasm

package kernel

// paths lists the paths that this processor supports besides plain Go, best first.
func paths() []path { return nil }
