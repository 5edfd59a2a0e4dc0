package main

import (
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/testscript"

	"iconic/classify"
	"iconic/extract"
	"iconic/extract/pixels"
	"iconic/extract/synthetic"
	"iconic/internal/cachetest"
	"iconic/internal/npy"
	"iconic/internal/onnxtest"
	"iconic/report"
	"iconic/report/page"
	"iconic/run"
)

// TestMain makes the test binary act as the command, so that scripts run what users run.
func TestMain(m *testing.M) {
	testscript.Main(cachetest.Isolated(m), map[string]func(){
		"pipeline": main,
	})
}

// TestScripts runs testdata/script, one script for each promise of the README.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// runScripts runs the scripts of a folder. $SHARED is the reference data, or empty if there is none.
func runScripts(t *testing.T, dir string) {
	shared := os.Getenv("ICONIC_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	shared, err := filepath.Abs(shared)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(shared); err != nil {
		if os.Getenv("ICONIC_SHARED_REQUIRED") != "" {
			t.Fatal("ICONIC_SHARED_REQUIRED asks for the reference data: ", err)
		}
		shared = ""
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"agree": agree, "ask": ask, "await": await, "blobs": blobs, "curate": curate, "dinov3": dinov3, "encoder": writeEncoder, "freeport": freeport, "hub": hub, "pictures": drawPictures, "replace": replace, "rows": rows, "samejson": sameJSON, "sameconfig": sameConfig,
			"shows": shows, "tensors": tensors, "truncate": truncate, "zeros": zeros,
		},
		Setup: func(e *testscript.Env) error {
			cache := filepath.Join(e.WorkDir, ".cache")
			e.Setenv("XDG_CACHE_HOME", cache)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("SHARED", shared)
			return cachetest.Fill(cache)
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "shared":
				return shared != "", nil
			case "npm": // the npm client and its packages
				return exec.CommandContext(t.Context(), "npm", "view", "onnxruntime-node@1.27.0", "version").Run() == nil, nil
			}
			return false, fmt.Errorf("no condition %s", name)
		},
	})
}

// drawPictures writes a folder of class folders, each with the given number of images of 32×32 pixels:
//
//	pictures folder number
func drawPictures(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: pictures folder number")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(synthetic.Write(context.Background(), ts.MkAbs(args[0]), n, 32, 1))
}

// writeEncoder writes an ONNX encoder of images of 16×16 pixels, which takes the given number of images at once, 0 for any. Its features are
// colours, divided by the largest one in the batch if it is common:
//
//	encoder file.onnx images [common|free|half|wide]
//
// One that is free takes images of any size, one that is half leaves their width free, and one that is wide takes images twice as wide as high.
func writeEncoder(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: encoder file.onnx images [common|free|half|wide]")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	m := onnxtest.Pooling(16, 4)
	switch kind := strings.Join(args[2:], ""); kind {
	case "":
	case "common":
		m.Common = true
	case "wide":
		m.Input[3] *= 2
	case "free", "half":
		m.Input[3], m.Outputs[0].Free = -1, true
		if kind == "free" {
			m.Input[2] = -1
		}
	default:
		ts.Fatalf("no kind of encoder is called %s", kind)
	}
	if n > 0 {
		m.Input[0] = n
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), m.Encode(), 0o600))
}

// blobs writes features of points around as many centres as there are classes, and their labels:
//
//	blobs x.npy y.npy rows dimensions classes
func blobs(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 5 {
		ts.Fatalf("usage: blobs x.npy y.npy rows dimensions classes")
	}
	var size [3]int
	for k, text := range args[2:] {
		n, err := strconv.Atoi(text)
		ts.Check(err)
		size[k] = n
	}
	x, y := scatter(size[0], size[1], size[2])
	ts.Check(npy.Write(ts.MkAbs(args[0]), []int{size[0], size[1]}, x))
	ts.Check(npy.WriteInts(ts.MkAbs(args[1]), y))
}

// scatter generates n points of d dimensions around k centres; y is the centre of each point.
func scatter(n, d, k int) (x []float32, y []int) {
	r := rand.New(rand.NewPCG(uint64(n), uint64(d)))
	centre := make([]float64, k*d)
	for i := range centre {
		centre[i] = 3 * r.NormFloat64()
	}
	for i := range n {
		y = append(y, i%k)
		for j := range d {
			x = append(x, float32(centre[i%k*d+j]+r.NormFloat64()))
		}
	}
	return x, y
}

// agree compares predictions with the run's assignments: the same clusters, and confidences to six digits.
//
//	agree assignments.csv predictions.csv
func agree(ts *testscript.TestScript, _ bool, args []string) {
	table, err := report.ReadAssignments(ts.MkAbs(args[0]), nil)
	ts.Check(err)
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[1]))).ReadAll()
	ts.Check(err)
	if len(rows) != len(table.Paths)+1 {
		ts.Fatalf("%d predictions of %d images", len(rows)-1, len(table.Paths))
	}
	for i, path := range table.Paths {
		row := rows[i+1]
		confidence, err := strconv.ParseFloat(row[3], 64)
		ts.Check(err)
		if row[0] != path || row[1] != strconv.Itoa(table.Cluster[i]) || math.Abs(confidence-table.Confidence[i]) > 1e-5 {
			ts.Fatalf("%s is in cluster %d with %v; predicted %v", path, table.Cluster[i], table.Confidence[i], row)
		}
	}
}

// replace replaces text that must occur in a file:
//
//	replace file old new
func replace(ts *testscript.TestScript, _ bool, args []string) {
	content := ts.ReadFile(args[0])
	if !strings.Contains(content, args[1]) {
		ts.Fatalf("%s does not say %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(content, args[1], args[2])), 0o600))
}

// shows compares what a run's page shows with the expected parts, where - means missing:
//
//	shows report.html map neighbours 18
func shows(ts *testscript.TestScript, _ bool, args []string) {
	shown, err := page.ReadShown([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	pictures, err := strconv.Atoi(args[3])
	ts.Check(err)
	if want := (page.Shown{Map: args[1] == "map", Neighbours: args[2] == "neighbours", Pictures: pictures}); shown != want {
		ts.Fatalf("%s shows %+v, want %+v", args[0], shown, want)
	}
}

// await waits until a file that matches the pattern exists.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 600 {
		found, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		if len(found) > 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s did not come within a minute", args[0])
}

// truncate cuts a file to a number of bytes.
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// tensors writes the inputs of an exported model for all PNG images of a folder with class folders, in the order of their paths:
//
//	tensors run pictures images.u8 pixels.f32
func tensors(ts *testscript.TestScript, _ bool, args []string) {
	run, err := run.Load(ts.MkAbs(args[0]))
	ts.Check(err)
	settings, err := extract.Settings(run.Config.Encoder)
	ts.Check(err)
	var transform pixels.Transform
	ts.Check(json.Unmarshal(settings.Preprocessing, &transform))
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[1]), "*", "*.png"))
	ts.Check(err)
	var images, prepared []byte
	for _, name := range files {
		content, err := os.ReadFile(name)
		ts.Check(err)
		im, _, err := pixels.Decode(content, pixels.DecodeOptions{})
		ts.Check(err)
		x := make([]float32, 3*transform.Crop*transform.Crop)
		ts.Check(transform.Apply(x, im, new(pixels.Scratch)))
		images = append(images, im.Pix...)
		for _, v := range x {
			prepared = binary.LittleEndian.AppendUint32(prepared, math.Float32bits(v))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), images, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), prepared, 0o600))
}

// freeport sets a variable to a free port.
func freeport(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	ts.Check(l.Close())
}

// ask posts a file to an address, or with "-" sends a GET request, expects a status, and stores the answer. It waits for a server to start. The
// host is the name that the request gives the server.
//
//	ask address file status answer [host]
func ask(ts *testscript.TestScript, _ bool, args []string) {
	method, content := http.MethodGet, ""
	if args[1] != "-" {
		method, content = http.MethodPost, ts.ReadFile(args[1])
	}
	send := func() (*http.Response, error) {
		r, err := http.NewRequest(method, args[0], strings.NewReader(content))
		ts.Check(err)
		if len(args) > 4 {
			r.Host = args[4]
		}
		return http.DefaultClient.Do(r)
	}
	r, err := send()
	for try := 0; err != nil && try < 600; try++ {
		time.Sleep(100 * time.Millisecond)
		r, err = send()
	}
	ts.Check(err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	ts.Check(err)
	if strconv.Itoa(r.StatusCode) != args[2] {
		ts.Fatalf("%s: %s", r.Status, text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), text, 0o600))
}

// times matches the stage times in a run's config.json, which differ between otherwise identical runs.
var times = regexp.MustCompile(`(?s)\n  "times": \[.*?\n  \],`)

// sameConfig compares two config.json files, except for the stage times, which both must contain.
func sameConfig(ts *testscript.TestScript, _ bool, args []string) {
	a, b := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	if !times.MatchString(a) || !times.MatchString(b) {
		ts.Fatalf("no times in %s or %s", args[0], args[1])
	}
	if diff := cmp.Diff(times.ReplaceAllString(a, ""), times.ReplaceAllString(b, "")); diff != "" {
		ts.Fatalf("%s", diff)
	}
}

// sameJSON compares predictions in two files, except for the path, which only one of them has.
func sameJSON(ts *testscript.TestScript, _ bool, args []string) {
	var x [2]classify.Prediction
	for k := range x {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[k])), &x[k]))
	}
	close := cmpopts.EquateApprox(0, 1e-5)
	if diff := cmp.Diff(x[0], x[1], close); diff != "" {
		ts.Fatalf("%s", diff)
	}
}
