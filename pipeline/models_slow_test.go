//go:build slow && unix

package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"iconic/internal/atomicfile"
	"iconic/models"
	"iconic/models/vit"
)

// TestFullSizeImports imports random weights of published size with the real binary: the parameters are the
// registry's, and memory stays far below three times the weights, because tensors are read when they are written.
// With ICONIC_KEEP set to a folder, weights and models are kept there for scripts/encoders/rival.py.
func TestFullSizeImports(t *testing.T) {
	folder := os.Getenv("ICONIC_KEEP")
	if folder == "" {
		folder = t.TempDir()
	}
	binaryFile := filepath.Join(folder, "pipeline")
	if out, err := exec.Command("go", "build", "-o", binaryFile, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"dinov2-small", "dinov2-base", "dinov2-large"} {
		e, err := models.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, name+".safetensors")
		parameters := randomWeights(t, file, e.Architecture)
		if parameters != e.Architecture.Parameters() {
			t.Errorf("%s: %d parameters in the file, %d in the registry", name, parameters, e.Architecture.Parameters())
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
		weights := int64(4 * parameters)
		peak := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
		if runtime.GOOS == "linux" {
			peak <<= 10 // kilobytes
		}
		if name == "dinov2-large" && peak > 3*weights {
			t.Errorf("%s: %d MB at the peak for %d MB of weights", name, peak>>20, weights>>20)
		}
		// The interpolated table of positions is smaller than the trained one; nothing else may be lost.
		if m.Bytes < weights-int64(4*1370*e.Architecture.Width) || m.Bytes > weights+weights/50 {
			t.Errorf("%s: a model of %d bytes for %d bytes of weights", name, m.Bytes, weights)
		}
		t.Logf("%s: %d parameters, imported in %.1f s, %d MB at the peak, %.1f MB file", name, parameters, took.Seconds(), peak>>20, float64(m.Bytes)/1e6)
	}
}

// randomWeights writes a file of an encoder's size under the official names, and counts its parameters.
func randomWeights(t *testing.T, name string, a vit.Architecture) int {
	t.Helper()
	d, h := a.Width, a.Hidden
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header := map[string]entry{}
	var offset int64
	var spread []float64 // of each tensor, in order; 0 for the gains of norms
	var sizes []int
	add := func(name string, sigma float64, shape ...int) {
		n := 1
		for _, s := range shape {
			n *= s
		}
		header[name] = entry{"F32", shape, [2]int64{offset, offset + int64(4*n)}}
		offset += int64(4 * n)
		spread, sizes = append(spread, sigma), append(sizes, n)
	}
	norm := func(name string) { add(name+".weight", 0, d); add(name+".bias", 0.02, d) }
	linear := func(name string, out, in int) {
		add(name+".weight", 1/math.Sqrt(float64(in)), out, in)
		add(name+".bias", 0.02, out)
	}
	add("cls_token", 0.02, 1, 1, d)
	add("pos_embed", 0.02, 1, 1+a.Grid*a.Grid, d)
	add("mask_token", 0.02, 1, d)
	add("patch_embed.proj.weight", 0.02, d, 3, a.Patch, a.Patch)
	add("patch_embed.proj.bias", 0.02, d)
	norm("norm")
	for i := range a.Depth {
		b := fmt.Sprintf("blocks.%d.", i)
		norm(b + "norm1")
		norm(b + "norm2")
		linear(b+"attn.qkv", 3*d, d)
		linear(b+"attn.proj", d, d)
		linear(b+"mlp.fc1", h, d)
		linear(b+"mlp.fc2", d, h)
		add(b+"ls1.gamma", 0, d)
		add(b+"ls2.gamma", 0, d)
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, strings.Repeat(" ", (8-len(text)%8)%8)...)
	r := rand.New(rand.NewPCG(uint64(d), 1))
	total := 0
	err = atomicfile.Write(name, func(out io.Writer) error {
		w := bufio.NewWriterSize(out, 1<<20)
		_, _ = w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))) // the error shows at Flush
		_, _ = w.Write(text)
		for i, n := range sizes {
			total += n
			for range n {
				v := float32(1)
				if spread[i] > 0 {
					v = float32(r.NormFloat64() * spread[i])
				}
				_, _ = w.Write(binary.LittleEndian.AppendUint32(w.AvailableBuffer(), math.Float32bits(v)))
			}
		}
		return w.Flush()
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}
