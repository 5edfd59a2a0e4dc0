package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// curate starts the curation server of a run, sends steps as its page does, and kills it as soon as the last one is acknowledged:
//
//	curate run cluster step…
//
// A split of the cluster is previewed first.
func curate(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: curate run cluster step…")
	}
	command := exec.Command(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], "pipeline"), "curate", ts.MkAbs(args[0]), "--listen", "127.0.0.1:0", "--json")
	command.Dir = ts.Getenv("WORK")
	command.Env = append(command.Environ(), "HOME="+ts.Getenv("HOME"), "XDG_CACHE_HOME="+ts.Getenv("XDG_CACHE_HOME"))
	out, err := command.StdoutPipe()
	ts.Check(err)
	ts.Check(command.Start())
	defer func() {
		_ = command.Process.Kill() // it has done its work
		_ = command.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	var told struct{ Listening string }
	ts.Check(json.Unmarshal([]byte(line), &told))
	address := told.Listening
	page := fetched(ts, "GET", address+"/", "", nil)
	if bytes.Contains(page, []byte(" clusters: curation</title>")) { // whose number changes
		ts.Fatalf("the page has another title: %s", page)
	}
	token := string(regexp.MustCompile(`name="token" content="([A-Z0-9]+)"`).FindSubmatch(page)[1])
	for _, step := range args[2:] {
		var state struct{ Steps int }
		ts.Check(json.Unmarshal(fetched(ts, "GET", address+"/state", "", nil), &state))
		if strings.Contains(step, `"split"`) {
			fetched(ts, "POST", address+"/split", token, fmt.Appendf(nil, `{"steps":%d,"cluster":%s}`, state.Steps, args[1]))
		}
		fetched(ts, "POST", address+"/step", token, fmt.Appendf(nil, `{"steps":%d,"step":%s}`, state.Steps, step))
	}
}

// fetched is the body of an answer, whose status must be OK.
func fetched(ts *testscript.TestScript, method, address, token string, body []byte) []byte {
	r, err := http.NewRequest(method, address, bytes.NewReader(body))
	ts.Check(err)
	r.Header.Set("X-Token", token)
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if answer.StatusCode != http.StatusOK {
		ts.Fatalf("%s %s: %s %s", method, address, answer.Status, text)
	}
	return text
}
