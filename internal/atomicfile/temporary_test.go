package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A subprocess of this test begins to write a file and a folder into the folder given as its last argument, reports that, and waits to be
// ended.
func TestMain(m *testing.M) {
	if folder, ok := os.LookupEnv("ATOMICFILE_TEST_WRITER"); ok {
		_, remove, err := Folder(folder)
		if err == nil {
			err = Write(filepath.Join(folder, "a.txt"), func(w io.Writer) error {
				fmt.Println("writing")
				time.Sleep(time.Hour)
				return nil
			})
			err = errors.Join(err, remove())
		}
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writer starts such a process.
func writer(t *testing.T, folder string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "ATOMICFILE_TEST_WRITER="+folder)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "writing\n" {
		t.Fatalf("the writer printed %q, %v", line, err)
	}
	return c
}

// left lists the temporary names in a folder.
func left(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if Temporary(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestWhatAKilledWriterLeftGoesWithTheNextOne(t *testing.T) {
	folder := t.TempDir()
	killed, living := writer(t, folder), writer(t, folder)
	if got := left(t, folder); len(got) != 6 {
		t.Fatalf("two writers have files %q", got)
	}
	if err := WriteBytes(filepath.Join(folder, "b.txt"), nil); err != nil {
		t.Fatal(err)
	}
	if got := left(t, folder); len(got) != 6 {
		t.Fatalf("after a third writer, %q are left of what two others are writing", got)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if err := WriteBytes(filepath.Join(folder, "b.txt"), nil); err != nil {
		t.Fatal(err)
	}
	if got := left(t, folder); len(got) != 3 {
		t.Errorf("after one was killed, %q are left", got)
	}
	if err := living.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = living.Wait()
	_, remove, err := Folder(folder)
	if err := errors.Join(err, remove()); err != nil {
		t.Fatal(err)
	}
	if got := left(t, folder); len(got) != 0 {
		t.Errorf("after both were killed, %q are left", got)
	}
}

// Files from another machine, or from before a reboot, are removed after a day without writes; files with other names, never.
func TestWhatIsSweptByItsAge(t *testing.T) {
	name := func(machine string, age time.Duration) string {
		return fmt.Sprintf("%s%s-%s-%s", prefix, machine, second(time.Now().Add(-age)), "abcdefghijkl")
	}
	old, young := 25*time.Hour, 23*time.Hour
	for _, c := range []struct {
		name       string
		touched    time.Duration
		dir, stays bool
	}{
		{name("0badcafe", old), old, false, false},
		{name("0badcafe", old) + folders, old, true, false},
		{name("0badcafe", old), young, false, true}, // written to since
		{name("0badcafe", young), old, false, true}, // with a changed time
		{name("0badcafe", young) + folders, young, true, true},
		{name("0badcafe", old), old, true, true}, // not the name of a folder
		{".iconic-tmp-notes", old, false, true},
		{".iconic-tmp-a-b-c", old, false, true},
		{"iconic-tmp-0badcafe-abc-abcdefghijkl", old, false, true},
		{".x.png.partial123", old, false, true},
		{".iconic-sort.jsonl", old, false, true},
	} {
		folder := t.TempDir()
		file := filepath.Join(folder, c.name)
		err := os.WriteFile(file, []byte("x"), 0o600)
		if c.dir {
			err = errors.Join(os.Remove(file), os.Mkdir(file, 0o700), os.WriteFile(filepath.Join(file, "x"), nil, 0o600))
		}
		when := time.Now().Add(-c.touched)
		if err := errors.Join(err, os.Chtimes(file, when, when)); err != nil {
			t.Fatal(err)
		}
		Sweep(folder)
		if _, err := os.Lstat(file); (err == nil) != c.stays {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A link with a temporary name was not made by us, and its target may belong to somebody else.
func TestNoLinkIsFollowed(t *testing.T) {
	folder, other := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{other, filepath.Join(other, "precious")} {
		if err := os.Symlink(to, filepath.Join(folder, newName())); err != nil {
			t.Skip(err)
		}
	}
	Sweep(folder)
	if _, err := os.Stat(filepath.Join(other, "precious")); err != nil {
		t.Error(err)
	}
	if got := left(t, folder); len(got) != 2 {
		t.Errorf("left: %q", got)
	}
}

// Many writers at once, all of which sweep, do not fail and leave nothing behind.
func TestManyWritersAtOnce(t *testing.T) {
	folder := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 30 {
				name := filepath.Join(folder, fmt.Sprintf("%d.txt", (i+j)%5))
				if err := WriteBytes(name, []byte(strings.Repeat("x", 1000))); err != nil {
					t.Error(err)
				}
				path, remove, err := Folder(folder)
				if err == nil {
					err = os.WriteFile(filepath.Join(path, "draft"), nil, 0o600)
				}
				if err != nil {
					t.Error(err)
					continue
				}
				if err := remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 5 {
		t.Errorf("%d files, %v: %q", len(entries), err, left(t, folder))
	}
}

// A file published before the one that needs it is removed if the writer died in between, and stays otherwise.
func TestWhatWasPublishedTooEarlyGoes(t *testing.T) {
	for _, finished := range []bool{false, true} {
		parent := t.TempDir()
		dead := filepath.Join(parent, newName()+folders) // nobody holds its lock
		if err := os.Mkdir(dead, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"m.onnx", "m.onnx.data"} {
			if err := os.WriteFile(filepath.Join(dead, name), []byte(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := Publish(dead, "m.onnx.data", "m.onnx"); err != nil {
			t.Fatal(err)
		}
		if err := Publish(dead, "m.onnx.data", "m.onnx"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("an existing name: %v", err)
		}
		if finished {
			if err := os.Rename(filepath.Join(dead, "m.onnx"), filepath.Join(parent, "m.onnx")); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(parent, "another"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		Sweep(parent)
		left, err := os.ReadDir(parent)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 1, true: 3}[finished]; len(left) != want {
			t.Errorf("finished %v: %v are left", finished, left)
		}
	}
}
