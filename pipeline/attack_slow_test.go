//go:build linux && slow

package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestServeUnderAttack runs scripts/attack for half a minute, where docs/reliability.md reports five: 200 hostile clients beside 10 honest
// ones. It fails if memory use, honest requests or the server's resources afterwards break a promise; response times are not checked.
func TestServeUnderAttack(t *testing.T) {
	command, err := exec.LookPath("pipeline")
	if err != nil {
		t.Fatal(err)
	}
	data, run := noise(t, 60), filepath.Join(t.TempDir(), "run")
	expectSuccess(t, exec.Command(command, "run", data, "--model", "tiny", "--features", filepath.Join(t.TempDir(), "store"), "--out", run))
	out, err := exec.Command("go", "run", "../scripts/attack", "-pipeline", command, "-run", run, "-picture", filepath.Join(data, "class0", "0000.png"),
		"-quiet", "5s", "-for", "30s", "-slower", "0").CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
