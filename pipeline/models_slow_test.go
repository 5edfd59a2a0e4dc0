//go:build slow && unix

package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"iconic/internal/atomicfile"
	"iconic/models"
	"iconic/models/vit"
)

// TestFullSizeImports imports random weights of published sizes with the real binary. The parameter counts must match the
// registry's, and memory must stay below a third of the weights, because tensors are read only when they are written.
// If ICONIC_KEEP names a folder, weights and models are kept there for scripts/encoders/rival.py.
func TestFullSizeImports(t *testing.T) {
	folder := os.Getenv("ICONIC_KEEP")
	if folder == "" {
		folder = t.TempDir()
	}
	binaryFile := filepath.Join(folder, "pipeline")
	if out, err := exec.Command("go", "build", "-o", binaryFile, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{
		"dinov2-small", "dinov2-base", "dinov2-large",
		"dinov3-vits16", "dinov3-vits16plus", "dinov3-vitb16", "dinov3-vitl16",
	} {
		t.Run(name, func(t *testing.T) { importFullSize(t, binaryFile, folder, name) })
	}
}

func importFullSize(t *testing.T, binaryFile, folder, name string) {
	e, err := models.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, name+".safetensors")
	held := randomWeights(t, file, e.Architecture)
	parameters := held - keyBiases(e.Architecture)
	if parameters != e.Architecture.Parameters() {
		t.Errorf("%d parameters in the file, %d in the registry", parameters, e.Architecture.Parameters())
	}
	c := exec.Command(binaryFile, "models", "import", file, "--out", filepath.Join(folder, name+".onnx"), "--json")
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
	c.Stderr = os.Stderr
	begin := time.Now()
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	var m models.Model
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	weights := int64(4 * held)
	peak := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "linux" {
		peak <<= 10 // kilobytes
	}
	if weights > 1<<30 && peak > weights/3 {
		t.Errorf("%d MB at the peak for %d MB of weights", peak>>20, weights>>20)
	}
	// The interpolated position table is smaller than the trained one; nothing else may be lost.
	if positions := int64(4 * (1 + e.Architecture.Grid*e.Architecture.Grid) * e.Architecture.Width); m.Bytes < weights-positions-weights/1000 || m.Bytes > weights+weights/50 {
		t.Errorf("a model of %d bytes for %d bytes of weights", m.Bytes, weights)
	}
	t.Logf("%s: %d parameters, imported in %.1f s, %d MB at the peak, %.1f MB file", name, parameters, took.Seconds(), peak>>20, float64(m.Bytes)/1e6)
}

// keyBiases is the number of values in the official files that the published counts omit: DINOv3 keeps the key bias at zero.
func keyBiases(a vit.Architecture) int {
	if a.Family != vit.DINOv3 {
		return 0
	}
	return a.Depth * a.Width
}

// randomWeights writes a weights file of an encoder's size with the official names, and counts its parameters.
func randomWeights(t *testing.T, name string, a vit.Architecture) int {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(a.Width), 1))
	total := 0
	err := writeOfficial(name, a, func(w *bufio.Writer, tensor officialTensor) error {
		for range tensor.elements() {
			v := float32(1)
			if tensor.sigma > 0 {
				v = float32(r.NormFloat64() * tensor.sigma)
			}
			_, _ = w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), math.Float32bits(v))) // the error shows at Flush
		}
		total += tensor.elements()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// writeOfficial writes a safetensors file of an encoder with the official names; fill writes the values of one tensor.
func writeOfficial(name string, a vit.Architecture, fill func(w *bufio.Writer, t officialTensor) error) error {
	tensors := officialTensors(a)
	header, _, err := officialHeader(tensors)
	if err != nil {
		return err
	}
	return atomicfile.Write(name, func(out io.Writer) error {
		w := bufio.NewWriterSize(out, 1<<20)
		_, _ = w.Write(header) // the error shows at Flush
		for _, t := range tensors {
			if err := fill(w, t); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}
