package pixels

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// worstOfProcess is the memory that the runtime itself may take while one file is decoded: its heap grows in steps, and stacks and tables
// do not count as allocations.
const worstOfProcess = 12 << 20

// TestPeakMemory decodes each hostile file, and the most expensive readable pictures, in a separate process and compares that process's
// peak memory, minus what it had after reading the file, with the promise in docs/reliability.md. With -v it prints the table there.
func TestPeakMemory(t *testing.T) {
	if name := os.Getenv("ICONIC_TEST_DECODE"); name != "" {
		decodeAlone(t, name)
		return
	}
	if testing.Short() {
		t.Skip("decodes each file in a process of its own, without goroutines")
	}
	if runtime.GOOS != "linux" {
		t.Skip("peak memory is read from /proc")
	}
	kinds := hostileKinds(t)
	kinds = append(kinds,
		hostile{"PNG of 2048×2048, 16 bits, zeros", pngOf(pngChunkOf("IHDR", []byte{0, 0, 8, 0, 0, 0, 8, 0, 16, 6, 0, 0, 0}), pngChunkOf("IDAT", deflated(make([]byte, 2048*(1+8*2048))))), DecodeOptions{}, ""},
		hostile{"JPEG of 1600×1600, 160 kB of restarts without a marker", restartsOf(1600), DecodeOptions{}, ""},
		hostile{"WebP of 1600×1600, one colour", webpBombs(t, 1600)["WebP, lossless"], DecodeOptions{}, ""},
		hostile{"WebP of 1600×1600, lossy, nothing but zeros", webpBombs(t, 1600)["WebP, lossy"], DecodeOptions{}, ""},
		hostile{"JPEG of 1600×1600, 199 scans", scansOf(1600, 198), DecodeOptions{}, ""},
	)
	for _, c := range kinds {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		child := exec.Command(os.Args[0], "-test.run", "^TestPeakMemory$", "-test.v")
		child.Env = append(os.Environ(), "ICONIC_TEST_DECODE="+name, "ICONIC_TEST_PIXELS="+strconv.Itoa(c.o.MaxPixels))
		out, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, out)
		}
		_, said, _ := strings.Cut(string(out), "took ")
		var peak, ms, pixels int64
		var reason string
		if _, err := fmt.Sscanf(said, "%d bytes %d ms %d pixels %q", &peak, &ms, &pixels, &reason); err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, out)
		}
		t.Logf("| %s | %d | %.1f MB | %d ms | %s |", c.name, len(c.file), float64(peak)/1e6, ms, cmp.Or(reason, "decoded"))
		if Reason(reason) != c.want {
			t.Errorf("%s: %q, want %q", c.name, reason, c.want)
		}
		if most := worstOfProcess + worstFixed + worstOfFile*int64(len(c.file)) + worstOfPixel*pixels; peak > most {
			t.Errorf("%s: the process used %d bytes for a file of %d and %d pixels, want at most %d", c.name, peak, len(c.file), pixels, most)
		}
	}
}

// decodeAlone decodes a file and prints what that took.
func decodeAlone(t *testing.T, name string) {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	limit, err := strconv.Atoi(os.Getenv("ICONIC_TEST_PIXELS"))
	if err != nil {
		t.Fatal(err)
	}
	before := peak(t)
	start := time.Now()
	m, _, err := Decode(b, DecodeOptions{MaxPixels: limit})
	took := time.Since(start)
	reason, pixels := "", 0
	if e := (*Error)(nil); errors.As(err, &e) {
		reason = string(e.Reason)
	} else if err != nil {
		t.Fatal(err)
	} else {
		pixels = m.Width * m.Height
	}
	fmt.Printf("took %d bytes %d ms %d pixels %q\n", peak(t)-before, took.Milliseconds(), pixels, reason)
}

// peak is the peak memory of this process, in bytes.
func peak(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kB, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(kB)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmHWM in /proc/self/status")
	return 0
}
